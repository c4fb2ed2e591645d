"""The HTTP interface of the gateway."""

import socket
import time
from collections.abc import Callable
from functools import partial
from random import Random

from flask import Blueprint, Flask, Response, request
from sqlalchemy import Engine

from shared.database.schema import database_problem
from shared.errors import DocumentError
from shared.http.app import create_app, json_response, problem, read_body
from shared.http.documents import read_document
from simulators.health import readiness_view
from simulators.query import number
from simulators.sms_gateway.accepting import KeyReused, NewText, Texts
from simulators.sms_gateway.behaviour import Behaviour, Behaviours
from simulators.sms_gateway.schema import metadata

MAX_KEY_LENGTH = 255
MAX_PAGE = 1000


def create_gateway(
    engine: Engine, *, rng: Random, sleep: Callable[[float], None] = time.sleep
) -> Flask:
    app = create_app()
    app.register_error_handler(DocumentError, _wrong_body)
    app.register_error_handler(KeyReused, _key_reused)
    app.register_blueprint(readiness_view(partial(database_problem, engine, metadata)))
    behaviours = Behaviours(engine)
    app.register_blueprint(_messages(Texts(engine), behaviours, rng, sleep))
    app.register_blueprint(_behaviour(behaviours))
    return app


def _messages(
    texts: Texts, behaviours: Behaviours, rng: Random, sleep: Callable[[float], None]
) -> Blueprint:
    views = Blueprint("messages", __name__)

    @views.post("/messages")
    def send() -> Response:
        """Accept a text: 201 for a new one, 200 and the first response again for a repeat."""
        current = behaviours.current()
        sleep(current.delay_seconds)
        if rng.random() < current.fail_rate:
            return problem(current.fail_status, "Configured to fail", "See /behaviour.")
        key = request.headers.get("Idempotency-Key", "")
        if not 1 <= len(key) <= MAX_KEY_LENGTH:
            return problem(
                400, "Invalid Idempotency-Key", f"It has 1 to {MAX_KEY_LENGTH} characters."
            )
        text, is_new = texts.accept(key, read_document(read_body(), NewText))
        if rng.random() < current.lose_answer_rate:
            return _lose_response()
        return json_response(text, 201 if is_new else 200)

    @views.get("/messages")
    def page() -> Response:
        """Accepted texts, oldest first; pass `next` as `after` to get the next page."""
        after = number("after", 0)
        limit = number("limit", 100, least=1, most=MAX_PAGE)
        found = texts.accepted(after=after, limit=limit)
        following = found[-1]["id"] if len(found) == limit else None
        return json_response({"messages": found, "next": following})

    return views


def _lose_response() -> Response:
    """Close the connection: the client cannot know whether its text was accepted.

    Only gunicorn provides the socket; under another server, the response is a 504.
    """
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return problem(504, "Configured to lose the response", "See /behaviour.")


def _behaviour(behaviours: Behaviours) -> Blueprint:
    views = Blueprint("behaviour", __name__)

    @views.get("/behaviour")
    def show() -> Response:
        return json_response(behaviours.current())

    @views.put("/behaviour")
    def change() -> Response:
        new = read_document(read_body(), Behaviour)
        behaviours.change(new)
        return json_response(new)

    @views.delete("/behaviour")
    def reset() -> Response:
        behaviours.reset()
        return json_response(Behaviour())

    return views


def _wrong_body(error: DocumentError) -> Response:
    return problem(400, "The body is not valid", str(error))


def _key_reused(error: KeyReused) -> Response:
    return problem(422, "The idempotency key was used before", str(error))
