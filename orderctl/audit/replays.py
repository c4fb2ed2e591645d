"""What was sent again under the id of a replay, and what that replay was told to send."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from orderctl.audit.shapes import Replay
from shared.errors import SpanError
from shared.events import RESENT
from shared.shifted_times import shifted
from shared.transport.archive import parse_point

#: What a replay adds to the id of an event that it sends again.
_REPLAYED = re.compile(re.escape(RESENT) + r"([0-9a-f]{12})\Z")
#: Services whose replays can send again.
RESENDING = ("email", "sms")
DONE = "done"
#: A broker finds a time by its own clock or by that of a publisher.
CLOCKS_DIFFER = timedelta(minutes=1)


def split_replay(event_id: str) -> tuple[str, str]:
    """The event's own id, and that of the replay; "" where there is none."""
    found = _REPLAYED.search(event_id)
    return (event_id[: found.start()], found[1]) if found else (event_id, "")


@dataclass(frozen=True, slots=True)
class ExpectedResend:
    """A replay that was told to send events again.

    `until`: it sent none of orders that were placed later. `most`: so many events at most. None:
    that is not known, because it has not ended, or not well.
    """

    until: datetime | None = None
    most: int | None = None


#: What a service says of a replay; None for one that it does not know, or that sends nothing.
FindResend = Callable[[str, str], ExpectedResend | None]


def to_resend(replay: Replay | None) -> ExpectedResend | None:
    if replay is None or replay.dry_run or not replay.resend:
        return None
    ends = [end for end in (replay.ended_at, _time(replay.end)) if end]
    until = shifted(min(ends), CLOCKS_DIFFER) if ends else None
    sent = replay.applied + replay.already_applied + replay.failed
    return ExpectedResend(until, sent if replay.state == DONE else None)


def _time(point: str | None) -> datetime | None:
    """None for a place that is not a time."""
    try:
        found = parse_point(point) if point else None
    except SpanError:
        return None
    return found if isinstance(found, datetime) else None
