"""Adds a duration to a time from outside (of an event, or typed by a person) without overflow."""

from datetime import UTC, datetime, timedelta

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


def shifted(time: datetime, by: timedelta) -> datetime:
    """`time + by`, limited to the range of datetime."""
    try:
        return time + by
    except OverflowError:
        return LATEST if by > timedelta(0) else EARLIEST
