"""Converts between messages and rows of the embedded broker's file."""

from collections.abc import Sequence
from typing import Any

from shared.transport.message import Failure, Message

Row = Sequence[Any]


def to_message(row: Row) -> Message:
    return Message(
        id=row[0],
        type=row[1],
        source=row[2],
        time=row[3],
        key=row[4],
        traceparent=row[5],
        body=row[6],
        attempt=row[7],
        first_failure=None if row[8] is None else Failure(row[8], row[9]),
        last_failure=None if row[10] is None else Failure(row[10], row[11]),
    )


def history_of(message: Message) -> Row:
    """The values of attempt, first_failure … last_failure_at."""
    first, last = message.first_failure, message.last_failure
    return (
        message.attempt,
        first and first.reason,
        first and first.at,
        last and last.reason,
        last and last.at,
    )
