"""The JSON documents of replays."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.events import Identifier
from shared.openapi.fields import Count, Time, one_of

RUNNING = "running"
DONE = "done"
FAILED = "failed"
INTERRUPTED = "interrupted"

#: The number of failures listed; all of them are counted.
FAILURES_NAMED = 50
#: A Point as text.
PointText = Annotated[str, Meta(min_length=1, max_length=64)]


class NewReplay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The span and options of a new replay, or the id of one to run again."""

    start: PointText | None = msgspec.field(name="from", default=None)
    end: PointText | None = msgspec.field(name="to", default=None)
    dry_run: bool = False
    resend: bool = False
    again: Identifier | None = None


class FailedEvent(msgspec.Struct, frozen=True, rename="camel"):
    position: str
    event_id: str
    reason: str


class Replay(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A replay and its progress. `seen` is the sum of the other counts."""

    id: str
    service: str
    state: Annotated[str, one_of(RUNNING, DONE, FAILED, INTERRUPTED)]
    reason: str | None
    does: str
    start: str = msgspec.field(name="from")
    end: str | None = msgspec.field(name="to")
    dry_run: bool
    resend: bool
    started_at: Time
    ended_at: Time | None
    seen: Count
    applied: Count
    already_applied: Count
    rewritten: Count
    ignored: Count
    failed: Count
    failures: Annotated[Sequence[FailedEvent], Meta(max_length=FAILURES_NAMED)]
    position: str | None
    remarks: Sequence[str]


class Replays(msgspec.Struct, frozen=True):
    replays: Sequence[Replay]
