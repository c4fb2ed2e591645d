"""The endpoints of a service's dead letters, for operators: browse, redrive, discard."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol

import msgspec
from flask import Blueprint, Response, request
from msgspec import Meta

from shared.consuming.history import History, Note, Step
from shared.errors import BrokerUnavailable, DocumentError, PublishFailed
from shared.events import Identifier
from shared.http.app import json_response, problem, read_body
from shared.http.documents import read_document
from shared.http.operator_auth import Guard
from shared.openapi.fields import Count
from shared.transport import DeadLetter, DeadLetters, Message, PartlyMoved
from shared.transport.message import PART
from shared.transport.moving_all import in_parts

LONGEST_LIST = 1000
#: The most dead letters in one request: with the longest ids of the contract, they fit into the
#: largest body that a service accepts.
MOST_AT_ONCE = 400


class Move(Protocol):
    def __call__(
        self, handles: Collection[str] | None, *, most: int = PART
    ) -> Sequence[DeadLetter]: ...


class _Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The dead letters to move: these handles, or explicitly all of them."""

    handles: Annotated[list[str], Meta(min_length=1, max_length=MOST_AT_ONCE)] | None = None
    all: bool = False


class MovedEvent(msgspec.Struct, frozen=True, rename="camel"):
    event_id: Identifier
    order_id: Identifier


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reports that an operator's tool has moved dead letters directly at the broker."""

    step: Literal["redriven", "discarded"]
    at: Annotated[datetime, Meta(tz=True)]
    events: Annotated[list[MovedEvent], Meta(max_length=MOST_AT_ONCE)]

    def __post_init__(self) -> None:
        try:
            self.at.astimezone(UTC)
        except OverflowError:
            raise ValueError("at is out of range in UTC") from None


class ShownLetter(msgspec.Struct, frozen=True, rename="camel"):
    handle: Annotated[
        str, Meta(description="The event id, or a digest of the body if there is none.")
    ]
    event_id: str
    order_id: str
    reason: str
    attempts: Count
    at: str
    body: Annotated[str, Meta(description="For display. A redrive sends the original bytes.")]


class DeadLettersPage(msgspec.Struct, frozen=True, rename="camel"):
    dead_letters: Sequence[ShownLetter]


def dead_letter_views(
    open_letters: Callable[[], DeadLetters], history: History, guard: Guard
) -> Blueprint:
    views = Blueprint("dead_letters", __name__)
    views.before_request(guard)
    views.register_error_handler(BrokerUnavailable, _broker_unavailable)
    views.register_error_handler(PublishFailed, _broker_unavailable)
    views.register_error_handler(DocumentError, _not_understood)

    @views.get("/dead-letters")
    def browse() -> Response:
        limit = request.args.get("limit", "100")
        if not re.fullmatch("[0-9]{1,4}", limit) or not 1 <= int(limit) <= LONGEST_LIST:
            return problem(400, "Invalid limit", f"limit takes a number from 1 to {LONGEST_LIST}")
        letters = open_letters().browse(int(limit))
        return json_response(DeadLettersPage([_shown(letter) for letter in letters]))

    @views.post("/dead-letters/redrive")
    def redrive() -> Response:
        letters = open_letters()
        return _take(history, Step.REDRIVEN, letters, letters.redrive)

    @views.post("/dead-letters/discard")
    def discard() -> Response:
        letters = open_letters()
        return _take(history, Step.DISCARDED, letters, letters.discard)

    @views.post("/dead-letters/notice")
    def notice() -> Response:
        moved = read_document(read_body(), Notice)
        messages = [_message(event) for event in moved.events]
        history.record_all(messages, Note(step=Step(moved.step)), moved.at)
        return json_response({"noted": len(messages)})

    return views


def _take(history: History, step: Step, letters: DeadLetters, move: Move) -> Response:
    choice = read_document(read_body(), _Choice)
    if (choice.handles is None) != choice.all:
        return problem(422, "Choice missing", 'Send {"handles": ["…"]}, or {"all": true}.')
    at, handles = datetime.now(UTC), list[str]()
    try:
        for moved in _parts(letters, move, choice.handles):
            _record(history, step, moved, at)
            handles += [letter.handle for letter in moved]
    except PartlyMoved as error:
        _record(history, step, error.moved, at)
        raise
    return json_response({step.value: handles})


def _record(history: History, step: Step, moved: Sequence[DeadLetter], at: datetime) -> None:
    history.record_all([letter.message for letter in moved], Note(step=step), at)


def _parts(
    letters: DeadLetters, move: Move, handles: Collection[str] | None
) -> Iterator[Sequence[DeadLetter]]:
    if handles is not None:
        yield move(handles)
    else:
        yield from in_parts(letters.count(), lambda most: move(None, most=most))


def _shown(letter: DeadLetter) -> ShownLetter:
    message = letter.message
    return ShownLetter(
        handle=letter.handle,
        event_id=message.id,
        order_id=message.key,
        reason=letter.reason,
        attempts=message.attempt,
        at=letter.at,
        body=message.body.decode("utf-8", "replace"),
    )


def _message(event: MovedEvent) -> Message:
    return Message(id=event.event_id, key=event.order_id, type="", source="", time="", body=b"")


def _broker_unavailable(error: BrokerUnavailable | PublishFailed) -> Response:
    response = problem(503, "The broker is unavailable", str(error))
    response.headers["Retry-After"] = "1"
    return response


def _not_understood(error: DocumentError) -> Response:
    return problem(400, "The body is not valid", str(error))
