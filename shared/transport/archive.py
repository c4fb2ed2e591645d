"""Events that the broker keeps after they were consumed: which of them, and how they are read."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from shared.errors import SpanError
from shared.transport.message import Message

#: How people write the oldest event that is kept.
BEGINNING = "beginning"
#: Offsets are 64-bit numbers.
LARGEST_OFFSET = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Offset:
    """The place of an event, as a broker counts; without a partition, the same in each."""

    number: int
    partition: int | None = None

    def __str__(self) -> str:
        return f"{self.number}" if self.partition is None else f"{self.partition}:{self.number}"


#: A place among the stored events: when they were stored (UTC), or their number.
Point = datetime | Offset


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to `end`, which is left out. None: the oldest that is kept; what is there.

    Whatever comes after the reading began is left out as well, or it would never end.
    """

    start: Point | None = None
    end: Point | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored event. `position` is the text of an Offset; `time` is when it was stored."""

    position: str
    time: datetime
    message: Message


class Archive(Protocol):
    def read(self, span: Span) -> Generator[Stored, None, None]:
        """The stored events, the oldest first (on Kafka: of each partition). Ends by itself.

        No position of any consumer moves. Close the generator when you leave it early. Raises
        BrokerUnavailable, and SpanError for an offset of a kind that this broker has not.
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
            f"{text[:60]!r} is no place among stored events: {BEGINNING}, a time such as "
            "2026-03-04T05:06:07Z, or an offset such as 1200 (on Kafka also 3:1200)"
        ) from None


def point_text(point: Point | None) -> str:
    """The other way round."""
    if point is None:
        return BEGINNING
    return point.isoformat() if isinstance(point, datetime) else str(point)


def bare(point: Point | None) -> Point | None:
    """For brokers without partitions. Raises SpanError for an offset that names one."""
    if isinstance(point, Offset) and point.partition is not None:
        raise SpanError(f"this broker has no partitions: {point.number}, not {point}")
    return point
