"""What every HTTP side shares: bounded bodies, problem documents, metrics and a sign of life."""

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
    """JSON in which money is an exact number."""
    return _encoder.encode(body)


def json_response(body: object, status: int = 200) -> Response:
    return Response(to_json(body), status, content_type="application/json")


def problem(status: int, title: str, detail: str, **more: Any) -> Response:
    """Answer with an RFC 9457 problem document."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(to_json(body), status, content_type="application/problem+json")


class Encoded(UnsupportedMediaType):
    """A body that would have to be decoded first. Source: RFC 9110, 15.5.16."""

    description = "Send the body as it is: without a Content-Encoding."

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "identity")]


def is_encoded() -> bool:
    return request.headers.get("Content-Encoding", "identity").strip().lower() != "identity"


def read_body() -> bytes:
    """The body of the request, however it was sent. Answers 413 when it is too long, and 415
    when it is encoded.
    """
    if is_encoded():
        raise Encoded
    body = request.get_data(cache=False)
    if len(body) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return body


def create_app(metrics: Callable[[], Response] | None = None) -> Flask:
    """A Flask application with bounded bodies whose errors are problem documents.

    `metrics` answers /metrics; without it, the metrics of this process do.
    """
    # Without the route for static files that Flask would add: there are none in this folder.
    app = Flask(__name__, static_folder=None)
    # A path with // in it is another path, and unknown as any other is. Werkzeug would send the
    # client elsewhere with a page of HTML.
    app.url_map.merge_slashes = False
    # Flask cuts a chunked body off here and says nothing. One byte more than is allowed tells
    # `read_body` that there was more.
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
