"""Times from outside, moved a little: those of events, and those that people type."""

from datetime import UTC, datetime, timedelta

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


def shifted(time: datetime, by: timedelta) -> datetime:
    """`time + by`; where the calendar ends before that, its first or last moment."""
    try:
        return time + by
    except OverflowError:
        return LATEST if by > timedelta(0) else EARLIEST
