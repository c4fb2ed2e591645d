"""Builds replays as a service reports them."""

from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from shared.replay.shapes import DONE, Replay
from shared.replay.tally import Tally

_REPLAY = {
    "id": "abc",
    "service": "analytics",
    "state": DONE,
    "reason": None,
    "does": "rewrites every fact",
    "start": "beginning",
    "end": None,
    "dry_run": False,
    "resend": False,
    "started_at": datetime(2026, 3, 4, tzinfo=UTC),
    "ended_at": None,
    "remarks": (),
}


def a_replay(**fields: Any) -> Replay:
    return Replay(**{**_REPLAY, **structs.asdict(Tally()), **fields})
