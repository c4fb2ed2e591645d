"""Reading events that the broker keeps after they were consumed, and parsing spans of them."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from shared.errors import SpanError
from shared.transport.message import Message

#: How people write the position of the oldest stored event.
BEGINNING = "beginning"
#: Offsets are 64-bit numbers.
LARGEST_OFFSET = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Offset:
    """The position of an event in the broker; without a partition, it applies to each partition."""

    number: int
    partition: int | None = None

    def __str__(self) -> str:
        return f"{self.number}" if self.partition is None else f"{self.partition}:{self.number}"


#: A position among the stored events: the time at which they were stored (UTC), or an offset.
Point = datetime | Offset


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` (None: the oldest stored event) up to `end` (None: the newest), exclusive.

    Events that are stored after the reading began are excluded; otherwise it might never end.
    """

    start: Point | None = None
    end: Point | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored event. `position` is an Offset as text; `time` is when it was stored."""

    position: str
    time: datetime
    message: Message


class Archive(Protocol):
    def read(self, span: Span) -> Generator[Stored, None, None]:
        """The stored events, oldest first (on Kafka: per partition). It ends after the newest.

        No consumer's position moves. Close the generator if you stop early. Raises
        BrokerUnavailable, and SpanError for a kind of offset that this broker does not have.
        """


def parse_point(text: str) -> Point | None:
    """`beginning` (None), `2026-03-04T05:06:07Z`, `1200` or `3:1200`. Raises SpanError."""
    if text == BEGINNING:
        return None
    if matched := re.fullmatch(r"(?:([0-9]{1,6}):)?([0-9]{1,19})", text):
        partition, number = matched.groups()
        return _offset(int(number), None if partition is None else int(partition))
    return _time(text)


def _offset(number: int, partition: int | None) -> Offset:
    if number > LARGEST_OFFSET:
        raise SpanError(f"no offset is larger than {LARGEST_OFFSET}")
    return Offset(number, partition)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise SpanError(
            f"{text[:60]!r} is not a position among stored events: use {BEGINNING}, a time such "
            "as 2026-03-04T05:06:07Z, or an offset such as 1200 (on Kafka also 3:1200)"
        ) from None


def point_text(point: Point | None) -> str:
    """The inverse of `parse_point`."""
    if point is None:
        return BEGINNING
    return point.isoformat() if isinstance(point, datetime) else str(point)


def bare(point: Point | None) -> Point | None:
    """For brokers without partitions. Raises SpanError for an offset that names one."""
    if isinstance(point, Offset) and point.partition is not None:
        raise SpanError(f"this broker has no partitions: {point.number}, not {point}")
    return point
