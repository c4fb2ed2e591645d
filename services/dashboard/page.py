"""Serves the static files of the page, under a strict content security policy."""

from flask import Blueprint, Flask, Response

#: Scripts, styles and connections only from this process; images also from style sheets.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def page_views() -> Blueprint:
    views = Blueprint("page", __name__, static_folder="static", static_url_path="/static")

    @views.get("/")
    def page() -> Response:
        return views.send_static_file("index.html")

    return views


def protect(app: Flask) -> None:
    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        # Static files have no-cache: browsers revalidate them and get a new version at once.
        response.headers.setdefault("Cache-Control", "no-store")
        return response
