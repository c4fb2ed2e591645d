"""The page at /docs: Swagger UI, served from an installed package."""

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

_OURS = Path(__file__).parent

#: Media type by file name. Two files come from the package. `start.js` is ours, since the page of
#: the package has an inline script, which the policy forbids.
ASSETS = {
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}

#: The browser may load from, and scripts may connect to, this service only. Swagger UI needs
#: inline styles, and has icons in its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_page(views: Blueprint) -> None:
    @views.get("/docs")
    def page() -> Response:
        return _send("page.html", "text/html")

    @views.get("/docs/<asset>")
    def asset(asset: str) -> Response:
        if asset not in ASSETS:
            raise NotFound
        return _send(asset, ASSETS[asset])


def _send(name: str, media_type: str) -> Response:
    folder = _OURS if (_OURS / name).is_file() else _swagger_ui()
    response = Response((folder / name).read_bytes(), content_type=f"{media_type}; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.add_etag()
    # Files that the browser has cached are not sent again.
    return response.make_conditional(request)  # type: ignore[return-value]


def _swagger_ui() -> Path:
    """The folder of the package, from which only static files are used."""
    return Path(str(files("flask_swagger_ui"))) / "dist"
