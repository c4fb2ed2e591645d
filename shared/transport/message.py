"""The data of a transport: messages with their failure history, dead letters, queue depths."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from shared.errors import BrokerUnavailable, PublishFailed


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed, and when (RFC 3339, UTC)."""

    reason: str
    at: str

    @staticmethod
    def now(reason: str) -> "Failure":
        return Failure(reason[:MAX_REASON], datetime.now(UTC).isoformat())


#: Dead letters that are read or moved at a time.
PART = 500
#: A reason travels in a header; brokers bound those (AMQP: one frame, 128 KiB by default).
MAX_REASON = 1000


# A frozen dataclass takes ten times as long to create, and each arriving message creates one.
class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An event in transit: CloudEvents 1.0 attributes, the body byte for byte, its failures.

    Attributes that a foreign producer omitted are ""; the consumer dead-letters such a message.
    `key` is the order id, by which Kafka keeps the messages of one order in one partition.
    """

    id: str
    type: str
    source: str
    time: str
    key: str
    body: bytes
    traceparent: str = ""
    attempt: int = 1
    first_failure: Failure | None = None
    last_failure: Failure | None = None

    def failed(self, failure: Failure) -> "Message":
        """The message for the next rung of the ladder: one more attempt, with the failure."""
        return replace(
            self,
            attempt=self.attempt + 1,
            first_failure=self.first_failure or failure,
            last_failure=failure,
        )

    def as_new(self) -> "Message":
        """The message as it was first published; a redrive sends this."""
        return replace(self, attempt=1, first_failure=None, last_failure=None)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be processed, with the reason and the time of giving up."""

    message: Message
    reason: str
    at: str

    @property
    def handle(self) -> str:
        """Identifies it in commands: the event id, or a digest of the body if it has no id."""
        return self.message.id or "sha256-" + hashlib.sha256(self.message.body).hexdigest()[:16]


class PartlyMoved(BrokerUnavailable):
    """A redrive or discard failed after moving some dead letters. `moved` contains these, without
    the `before` letters that earlier calls moved and returned.
    """

    def __init__(self, cause: Exception, moved: Sequence[DeadLetter], *, before: int = 0) -> None:
        handles = ", ".join(letter.handle for letter in moved)
        named = f" ({handles})" if handles else ""
        super().__init__(f"{before + len(moved)} were moved before it failed{named}: {cause}")
        self.cause = cause
        self.moved = moved


@contextmanager
def moving() -> Iterator[list[DeadLetter]]:
    """Append each moved dead letter to the list: if the rest fails, PartlyMoved contains it."""
    moved: list[DeadLetter] = []
    try:
        yield moved
    except (BrokerUnavailable, PublishFailed) as error:
        if moved:
            raise PartlyMoved(error, moved) from error
        raise


@dataclass(frozen=True, slots=True)
class Depth:
    """The number of a service's messages by state.

    `ready`: waiting for delivery (RabbitMQ excludes unacknowledged ones, which the consumer
    reports itself). `retrying`: on a rung of the ladder. `dead`: in the dead letter queue.
    `counts_held`: whether `ready` includes unacknowledged messages. It is a property of the
    broker, so it is ignored in comparisons.
    """

    ready: int
    retrying: int
    dead: int
    counts_held: bool = field(default=False, compare=False)


def to_headers(message: Message, prefix: str) -> dict[str, str]:
    """Headers built from the message, never copied from the received ones.

    If broker headers (`x-death`) were copied, RabbitMQ would take a redriven message for a
    dead-letter cycle and drop it.
    """
    headers = {
        f"{prefix}specversion": "1.0",
        f"{prefix}id": message.id,
        f"{prefix}type": message.type,
        f"{prefix}source": message.source,
        f"{prefix}time": message.time,
        f"{prefix}partitionkey": message.key,
        "traceparent": message.traceparent,
        "x-attempt": str(message.attempt),
    }
    for name, failure in (("first", message.first_failure), ("last", message.last_failure)):
        if failure:
            headers[f"x-{name}-failure"] = failure.reason
            headers[f"x-{name}-failure-at"] = failure.at
    return {name: value for name, value in headers.items() if value}


def from_headers(headers: Mapping[str, str], body: bytes, prefix: str) -> Message:
    """The inverse of `to_headers`; missing or malformed values become "" (attempt: 1)."""
    attempt = headers.get("x-attempt", "")
    return Message(
        id=headers.get(f"{prefix}id", ""),
        type=headers.get(f"{prefix}type", ""),
        source=headers.get(f"{prefix}source", ""),
        time=headers.get(f"{prefix}time", ""),
        key=headers.get(f"{prefix}partitionkey", ""),
        body=body,
        traceparent=headers.get("traceparent", ""),
        attempt=int(attempt) if attempt.isascii() and attempt.isdigit() and len(attempt) < 5 else 1,
        first_failure=_failure(headers, "first"),
        last_failure=_failure(headers, "last"),
    )


def _failure(headers: Mapping[str, str], name: str) -> Failure | None:
    reason = headers.get(f"x-{name}-failure", "")
    return Failure(reason, headers.get(f"x-{name}-failure-at", "")) if reason else None
