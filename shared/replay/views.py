"""The endpoints of replays, for operators: begin one, and show its progress and results."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response
from msgspec import Meta

from shared.errors import DocumentError, ReplayRefused, SpanError
from shared.events import Identifier
from shared.http.app import json_response, problem, read_body
from shared.http.documents import read_document
from shared.http.operator_auth import Guard
from shared.replay.replayer import Replayer
from shared.replay.table import Replay, Request

#: A Point as text.
PointText = Annotated[str, Meta(min_length=1, max_length=64)]


class NewReplay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The span and options of a new replay, or the id of one to run again."""

    start: PointText | None = msgspec.field(name="from", default=None)
    end: PointText | None = msgspec.field(name="to", default=None)
    dry_run: bool = False
    resend: bool = False
    again: Identifier | None = None


def replay_views(service: str, replayer: Replayer, guard: Guard) -> Blueprint:
    views = Blueprint("replays", __name__)
    views.before_request(guard)
    views.register_error_handler(DocumentError, _not_understood)
    views.register_error_handler(SpanError, _no_span)
    views.register_error_handler(ReplayRefused, _refused)

    @views.post("/replays")
    def begin() -> Response:
        new = read_document(read_body(), NewReplay)
        if (new.start is None) == (new.again is None):
            return problem(
                422, "Start missing", 'Send {"from": "beginning"}, or {"again": "ID"} of a replay.'
            )
        if new.again is not None and replayer.replays.find(new.again) is None:
            return problem(404, "Unknown replay", "There is no replay with this id.")
        replay = _begin(replayer, new)
        response = json_response(document(service, replay, replayer), 202)
        response.headers["Location"] = f"/replays/{replay.id}"
        return response

    @views.get("/replays/<replay_id>")
    def of_id(replay_id: str) -> Response:
        # Look up valid ids only: PostgreSQL accepts no NUL.
        found = replayer.replays.find(replay_id) if replay_id.isalnum() else None
        if found is None:
            return problem(404, "Unknown replay", "There is no replay with this id.")
        return json_response(document(service, found, replayer))

    @views.get("/replays")
    def newest() -> Response:
        replays = replayer.replays.newest()
        shown = [document(service, replay, replayer) for replay in replays]
        return json_response({"replays": shown})

    return views


def _begin(replayer: Replayer, new: NewReplay) -> Replay:
    if new.again is not None:
        return replayer.begin_again(new.again)
    return replayer.begin(Request(new.start or "", new.end, new.dry_run, new.resend))


def document(service: str, replay: Replay, replayer: Replayer) -> dict[str, Any]:
    """The replay and its state, with the counts of `Tally.document`."""
    return {
        "id": replay.id,
        "service": service,
        "state": replay.state,
        "reason": replay.reason,
        "does": replayer.does(replay),
        "from": replay.request.start,
        "to": replay.request.end,
        "dryRun": replay.request.dry_run,
        "resend": replay.request.resend,
        "startedAt": replay.started_at,
        "endedAt": replay.ended_at,
        **replay.tally,
        "remarks": list(_remarks(replay, resends=replayer.resends)),
    }


def _remarks(replay: Replay, *, resends: bool) -> Iterator[str]:
    """Explanations for people of what was not done."""
    tally = replay.tally
    if replay.request.dry_run:
        yield "A dry run: nothing was changed; the counts show what would be done."
    if not tally["seen"] and replay.ended_at is not None:
        yield "No events are stored there, so nothing was done."
    if number := tally["alreadyApplied"]:
        yield _already(number, replay, resends=resends)
    if number := tally["ignored"]:
        yield f"{number} not applied: this service ignores their type."
    if number := tally["failed"]:
        yield f"{number} not applied: each failed for its own reason, without affecting others."


def _already(number: int, replay: Replay, *, resends: bool) -> str:
    if replay.request.resend:
        return f"{number} not sent: this replay has sent them before."
    advice = " To send them again, use --resend." if resends else ""
    return f"{number} not done again: the inbox records them as done.{advice}"


def _not_understood(error: DocumentError) -> Response:
    return problem(400, "The body is not valid", str(error))


def _no_span(error: SpanError) -> Response:
    return problem(422, "Not a position among stored events", str(error))


def _refused(error: ReplayRefused) -> Response:
    return problem(409, "The replay cannot begin", str(error))
