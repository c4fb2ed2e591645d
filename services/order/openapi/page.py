"""The page at /docs: Swagger UI from a package, and nothing from anywhere else."""

from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

_OURS = Path(__file__).parent

#: File: its media type. Of what the package brings these two are needed; the start is our own,
#: since the package's page starts by a script within the page, which the policy forbids.
ASSETS = {
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}

#: What the browser may load, and whom scripts may talk to: this service and nobody else.
#: Swagger UI sets styles on single elements, and has its icons inside of its style sheet.
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
    # What a browser has already is not sent again.
    return response.make_conditional(request)  # type: ignore[return-value]


def _swagger_ui() -> Path:
    """The package's folder. Nothing of it is run here: it only carries the files."""
    return Path(str(files("flask_swagger_ui"))) / "dist"
