"""The HTTP interface: the part of Mailpit's API that is used here, and a page for people."""

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, render_template

from shared.errors import DocumentError
from shared.http.app import create_app, json_response, problem, read_body
from shared.http.documents import read_document
from simulators.health import readiness_view
from simulators.mail_sink.mailbox import Mailbox
from simulators.query import number

MAX_PAGE = 1000


class Deletion(msgspec.Struct):
    """The body of `DELETE /api/v1/messages`; without ids, it means all mails."""

    ids: list[str] = msgspec.field(default_factory=list, name="IDs")


def create_sink(mailbox: Mailbox, why_not_ready: Callable[[], str | None]) -> Flask:
    app = create_app()
    app.register_error_handler(DocumentError, _wrong_body)
    app.register_blueprint(readiness_view(why_not_ready))
    app.register_blueprint(_probes(why_not_ready))
    app.register_blueprint(_api(mailbox))
    app.register_blueprint(_page(mailbox))
    return app


def _api(mailbox: Mailbox) -> Blueprint:
    views = Blueprint("api", __name__, url_prefix="/api/v1")

    @views.get("/info")
    def info() -> Response:
        return json_response({"Version": "mail-sink", "Messages": mailbox.count()})

    @views.get("/messages")
    def page() -> Response:
        return json_response(_newest(mailbox))

    @views.get("/message/<id>")
    def one(id: str) -> Response:
        found = mailbox.find(id)
        return json_response(found) if found else _unknown(id)

    @views.get("/message/<id>/raw")
    def raw(id: str) -> Response:
        found = mailbox.raw(id)
        return Response(found, content_type="text/plain") if found else _unknown(id)

    @views.delete("/messages")
    def remove() -> Response:
        body = read_body()
        mailbox.remove((read_document(body, Deletion) if body else Deletion()).ids)
        return Response("ok", content_type="text/plain")

    return views


def _newest(mailbox: Mailbox) -> dict[str, Any]:
    start = number("start", 0)
    limit = number("limit", 50, most=MAX_PAGE)
    found = mailbox.newest(start=start, limit=limit)
    return {
        "total": mailbox.count(),
        "start": start,
        "messages_count": len(found),
        "messages": found,
    }


def _probes(why_not_ready: Callable[[], str | None]) -> Blueprint:
    """The probes under Mailpit's names."""
    views = Blueprint("probes", __name__)

    @views.get("/livez")
    def live() -> Response:
        return Response("ok", content_type="text/plain")

    @views.get("/readyz")
    def ready() -> Response:
        reason = why_not_ready()
        return Response(reason or "ok", 503 if reason else 200, content_type="text/plain")

    return views


def _page(mailbox: Mailbox) -> Blueprint:
    views = Blueprint("page", __name__, template_folder="templates")

    @views.get("/")
    def newest() -> str:
        return render_template("mails.html", **_newest(mailbox))

    return views


def _unknown(id: str) -> Response:
    return problem(404, "Unknown mail", f"There is no mail {id}.")


def _wrong_body(error: DocumentError) -> Response:
    return problem(400, "The body is not valid", str(error))
