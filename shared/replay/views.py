"""The endpoints of replays, for operators: begin one, and show its progress and results."""

from collections.abc import Iterator

import msgspec
from flask import Blueprint, Response

from shared.errors import DocumentError, ReplayRefused, SpanError
from shared.http.app import json_response, problem, read_body
from shared.http.documents import read_document
from shared.http.operator_auth import Guard
from shared.replay.replayer import Replayer
from shared.replay.shapes import NewReplay, Replay, Replays
from shared.replay.table import Request, StoredReplay


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
        response = json_response(_shown(service, replay, replayer), 202)
        response.headers["Location"] = f"/replays/{replay.id}"
        return response

    @views.get("/replays/<replay_id>")
    def of_id(replay_id: str) -> Response:
        # Look up valid ids only: PostgreSQL accepts no NUL.
        found = replayer.replays.find(replay_id) if replay_id.isalnum() else None
        if found is None:
            return problem(404, "Unknown replay", "There is no replay with this id.")
        return json_response(_shown(service, found, replayer))

    @views.get("/replays")
    def newest() -> Response:
        stored = replayer.replays.newest()
        return json_response(Replays([_shown(service, replay, replayer) for replay in stored]))

    return views


def _begin(replayer: Replayer, new: NewReplay) -> StoredReplay:
    if new.again is not None:
        return replayer.begin_again(new.again)
    return replayer.begin(Request(new.start or "", new.end, new.dry_run, new.resend))


def _shown(service: str, replay: StoredReplay, replayer: Replayer) -> Replay:
    return Replay(
        id=replay.id,
        service=service,
        state=replay.state,
        reason=replay.reason,
        does=replayer.does(replay),
        start=replay.request.start,
        end=replay.request.end,
        dry_run=replay.request.dry_run,
        resend=replay.request.resend,
        started_at=replay.started_at,
        ended_at=replay.ended_at,
        remarks=list(_remarks(replay, resends=replayer.resends)),
        **msgspec.structs.asdict(replay.tally),
    )


def _remarks(replay: StoredReplay, *, resends: bool) -> Iterator[str]:
    """Explanations for people of what was not done."""
    tally = replay.tally
    if replay.request.dry_run:
        yield "A dry run: nothing was changed; the counts show what would be done."
    if not tally.seen and replay.ended_at is not None:
        yield "No events are stored there, so nothing was done."
    if number := tally.already_applied:
        yield _already(number, replay, resends=resends)
    if number := tally.ignored:
        yield f"{number} not applied: this service ignores their type."
    if number := tally.failed:
        yield f"{number} not applied: each failed for its own reason, without affecting others."


def _already(number: int, replay: StoredReplay, *, resends: bool) -> str:
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
