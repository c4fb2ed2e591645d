"""The base of every HTTP interface: bounded bodies, problem documents, metrics, liveness."""

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, UnsupportedMediaType

from shared.errors import DependencyUnavailable
from shared.http import incoming

MAX_BODY_BYTES = incoming.MAX_BODY_BYTES

_encoder = msgspec.json.Encoder(decimal_format="number")


def to_json(body: object) -> bytes:
    """JSON with money as exact numbers."""
    return _encoder.encode(body)


def json_response(body: object, status: int = 200) -> Response:
    return Response(to_json(body), status, content_type="application/json")


def problem(status: int, title: str, detail: str, **more: Any) -> Response:
    """A response with an RFC 9457 problem document."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(to_json(body), status, content_type="application/problem+json")


class Encoded(UnsupportedMediaType):
    """A body with a content encoding, which is not supported. Source: RFC 9110, 15.5.16."""

    description = "Send the body without a Content-Encoding."

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "identity")]


def is_encoded() -> bool:
    return request.headers.get("Content-Encoding", "identity").strip().lower() != "identity"


def read_body() -> bytes:
    """The body of the request, chunked or not. Responds with 413 if it is too long, and with 415
    if it is encoded.
    """
    if is_encoded():
        raise Encoded
    body = request.get_data(cache=False)
    if len(body) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return body


def create_app(metrics: Callable[[], Response] | None = None) -> Flask:
    """A Flask application with bounded bodies whose errors are problem documents.

    `metrics` serves /metrics; the default is the metrics of this process.
    """
    # Without Flask's route for static files: there are none in this folder.
    app = Flask(__name__, static_folder=None)
    # A path that contains // is simply unknown. Werkzeug would redirect the client with an HTML
    # page.
    app.url_map.merge_slashes = False
    # Flask silently truncates a chunked body at this length. One byte over the limit shows
    # `read_body` that the body is too long.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES + 1
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(DependencyUnavailable, _unavailable)
    app.add_url_rule("/metrics", view_func=metrics or _metrics, endpoint="metrics")
    app.add_url_rule(
        "/health/live", view_func=lambda: json_response({"live": True}), endpoint="live"
    )
    return app


def _metrics() -> Response:
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _http_problem(error: HTTPException) -> Response:
    response = problem(error.code or 500, error.name, error.description or "")
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _unavailable(error: DependencyUnavailable) -> Response:
    response = problem(503, "Service unavailable", str(error))
    response.headers["Retry-After"] = "1"
    return response
