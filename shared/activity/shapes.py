"""What a consumer tells those who watch: how it stands, and what happened there lately."""

from typing import Annotated

import msgspec
from msgspec import Meta

from shared.openapi.fields import Amount, AnyId, Count, Time

#: Newest first, and no more than these are told: a page cannot show more of them anyway.
MOST_STEPS = 100
#: Whoever asks more rarely than every so many seconds misses steps.
LATELY_SECONDS = 10.0
#: Over so many seconds a rate is measured.
RATE_SECONDS = 5.0
#: So many orders can be asked about at once: with the longest ids, they fit into a body.
MOST_ORDERS = 400

WORKING = "working"
APPLIED = "applied"
DEAD_LETTERED = "dead_lettered"
REDRIVEN = "redriven"
DISCARDED = "discarded"


class RecentStep(msgspec.Struct, frozen=True, rename="camel"):
    """Something that became of an event: `working`, `applied`, or a step of its history."""

    step: str
    event_id: AnyId
    order_id: AnyId
    attempt: Count
    at: Time
    reason: str = ""
    next_at: Time | None = None


class Rung(msgspec.Struct, frozen=True):
    """How many events wait so many seconds for their next attempt."""

    seconds: Amount
    waiting: Count


class Queue(msgspec.Struct, frozen=True, rename="camel"):
    """As the broker counts."""

    ready: Count
    retrying: Count
    dead: Count
    counts_held: Annotated[
        bool, Meta(description="Whether `ready` includes what consumers hold.")
    ] = False


class ActiveFault(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    value: str
    seconds_left: Amount | None = None


class Activity(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What a consumer is doing, as one of its processes reports it."""

    service: str
    process: Annotated[str, Meta(description="The one that answers, among its replicas.")]
    reason: Annotated[str | None, Meta(description="Why nothing is consumed; null while it is.")]
    queue: Queue | None
    queue_reason: Annotated[
        str | None, Meta(description="Why the broker does not tell; `queue` is null then.")
    ] = None
    unsettled: Annotated[Count, Meta(description="Deliveries in flight in this process.")]
    rungs: tuple[Rung, ...] = ()
    applied_per_second: Annotated[
        Amount, Meta(description=f"By all replicas, over the last {RATE_SECONDS:g} s.")
    ]
    faults_allowed: bool = False
    faults: tuple[ActiveFault, ...] = ()
    steps: Annotated[
        tuple[RecentStep, ...], Meta(max_length=MOST_STEPS, description="The newest first.")
    ] = ()


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of these orders?"""

    orders: list[str]


class Ended(msgspec.Struct, frozen=True):
    """Those of them that came to an end, and to which."""

    ended: dict[str, str]
