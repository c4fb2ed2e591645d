"""The page itself: files as they are, and a policy that lets nothing else in."""

from flask import Blueprint, Flask, Response

#: Scripts, styles and answers from this process; pictures also from within a style sheet.
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
        # A file may be kept, and is asked about each time: a new version is seen at once.
        response.headers.setdefault("Cache-Control", "no-store")
        return response
