"""The HTTP side that every consumer service has."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import Engine, text
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from shared.consumer import Consumer
from shared.database import reading
from shared.errors import ContractError, DependencyUnavailable, LeaseHeld, PermanentError
from shared.settle import read
from shared.transport import Message

#: An order of 100 items is some 10 KB; nothing that is sent here is ever larger.
MAX_BODY_BYTES = 64 * 1024

#: What a service did: for one order, or, without an order id, for all of them.
ListEffects = Callable[[str | None], Iterator[Mapping[str, Any]]]

_encoder = msgspec.json.Encoder(decimal_format="number")


def json_response(body: object, status: int = 200) -> Response:
    """Answer with JSON in which money is an exact number."""
    return Response(_encoder.encode(body), status, content_type="application/json")


def problem(status: int, title: str, detail: str, **more: Any) -> Response:
    """Answer with an RFC 9457 problem document."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(_encoder.encode(body), status, content_type="application/problem+json")


def read_body() -> bytes:
    """The body of the request, however it was sent. Answers 413 when it is too long."""
    body = request.get_data(cache=False)
    if len(body) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return body


def create_app(metrics: Callable[[], Response] | None = None) -> Flask:
    """A Flask application with bounded bodies whose errors are problem documents.

    `metrics` answers /metrics; without it, the metrics of this process do.
    """
    app = Flask(__name__)
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


def create_consumer_app(consumer: Consumer, engine: Engine, list_effects: ListEffects) -> Flask:
    app = create_app()
    app.register_blueprint(_health(consumer, engine))
    app.register_blueprint(_effects(list_effects))
    app.register_blueprint(_events(consumer))
    return app


def _health(consumer: Consumer, engine: Engine) -> Blueprint:
    views = Blueprint("health", __name__)

    @views.get("/health/ready")
    def ready() -> Response:
        reason = consumer.why_not_ready() or _database_problem(engine)
        body = {"ready": reason is None, "reason": reason, "unsettled": consumer.unsettled}
        return json_response(body, 200 if reason is None else 503)

    return views


def _database_problem(engine: Engine) -> str | None:
    try:
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))
    except DependencyUnavailable as error:
        return str(error)
    return None


def _effects(list_effects: ListEffects) -> Blueprint:
    views = Blueprint("effects", __name__)

    @views.get("/orders/<order_id>")
    def of_order(order_id: str) -> Response:
        return json_response({"orderId": order_id, "effects": list(list_effects(order_id))})

    @views.get("/effects")
    def all_of_them() -> Response:
        """Every effect, a JSON object a line, streamed."""
        lines = (_encoder.encode(effect) + b"\n" for effect in list_effects(None))
        return Response(lines, content_type="application/x-ndjson")

    return views


def _events(consumer: Consumer) -> Blueprint:
    views = Blueprint("events", __name__)

    @views.post("/events")
    def receive() -> Response:
        """Apply an event at once: CloudEvents binary HTTP, the same effect, the same inbox."""
        try:
            event = read(_message())
            applied = consumer.effect.apply([event], alone=True) if event else None
        except ContractError as error:
            return problem(400, "Not an event of the contract", str(error))
        except PermanentError as error:
            return problem(422, "The event cannot be processed", str(error))
        except LeaseHeld as held:
            response = problem(409, "Somebody is at work on this event", str(held))
            response.headers["Retry-After"] = str(int(held.seconds) + 1)
            return response
        if event is None or applied is None:
            return json_response({"outcome": "ignored"})
        return json_response({"outcome": "applied" if applied.now else "applied_before"})

    return views


def _message() -> Message:
    """The request as a message. Source: CloudEvents HTTP protocol binding, binary mode."""
    header = {
        name: request.headers.get(f"ce-{name}", "") for name in ("id", "type", "source", "time")
    }
    return Message(
        id=header["id"],
        type=header["type"],
        source=header["source"],
        time=header["time"],
        key="",
        body=read_body(),
    )


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
