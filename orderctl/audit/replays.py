"""Tells effects that a replay was asked to resend from unexpected ones."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import SpanError
from shared.events import RESENT
from shared.replay.shapes import DONE, Replay
from shared.shifted_times import shifted
from shared.transport.archive import parse_point

#: The suffix that a replay adds to the id of a resent event.
_REPLAYED = re.compile(re.escape(RESENT) + r"([0-9a-f]{12})\Z")
#: The services whose replays can resend.
RESENDING = ("email", "sms")
#: A broker finds a time by its own clock or by the publisher's.
CLOCKS_DIFFER = timedelta(minutes=1)


def split_replay(event_id: str) -> tuple[str, str]:
    """The event's own id and the replay's id, "" if there is none."""
    found = _REPLAYED.search(event_id)
    return (event_id[: found.start()], found[1]) if found else (event_id, "")


@dataclass(frozen=True, slots=True)
class ExpectedResend:
    """The bounds of what a replay may have resent.

    `until`: only orders placed before this time. `most`: at most this many events. None if
    unknown, because the replay is running or has failed.
    """

    until: datetime | None = None
    most: int | None = None


#: Finds a replay by service and id; None if it is unknown or does not resend.
FindResend = Callable[[str, str], ExpectedResend | None]


def to_resend(replay: Replay | None) -> ExpectedResend | None:
    if replay is None or replay.dry_run or not replay.resend:
        return None
    ends = [end for end in (replay.ended_at, _time(replay.end)) if end]
    until = shifted(min(ends), CLOCKS_DIFFER) if ends else None
    sent = replay.applied + replay.already_applied + replay.failed
    return ExpectedResend(until, sent if replay.state == DONE else None)


def _time(point: str | None) -> datetime | None:
    """None if the position is not a time."""
    try:
        found = parse_point(point) if point else None
    except SpanError:
        return None
    return found if isinstance(found, datetime) else None
