"""The JSON documents of a consumer's activity, and of its state of one order."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from shared.faults.shapes import ActiveFault
from shared.openapi.fields import Amount, AnyId, Count, Time, one_of

#: The most steps in a document: more than a page can show.
MOST_STEPS = 100
#: How far back steps are reported. A client that polls less often than this misses some.
LATELY_SECONDS = 10.0
#: The period over which a rate is measured.
RATE_SECONDS = 5.0
#: The most orders in one request: with the longest ids, they fit into a body.
MOST_ORDERS = 400

WAITING = "waiting"
WORKING = "working"
RETRYING = "retrying"
RETRIED = "retried"
APPLIED = "applied"
DEAD_LETTERED = "dead_lettered"
REDRIVEN = "redriven"
DISCARDED = "discarded"
#: States of an order at a consumer.
STATES = (WAITING, WORKING, RETRYING, APPLIED, DEAD_LETTERED, DISCARDED)


Attempts = Annotated[Count, Meta(description="Since the first delivery, or a redrive.")]
StartedAt = Annotated[Time | None, Meta(description="When processing began.")]
EnteredAt = Annotated[Time | None, Meta(description="When it entered this state.")]
NextAt = Annotated[Time | None, Meta(description="When the next attempt is due.")]


class JourneyStep(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A step before the current state."""

    step: Annotated[str, one_of(RETRIED, DEAD_LETTERED, REDRIVEN, DISCARDED)]
    attempt: Count
    reason: str
    next_at: Time | None
    at: Time


class Stop(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """State and history of the order at one service."""

    state: str
    attempts: Attempts = 0
    started_at: StartedAt = None
    at: EnteredAt = None
    reason: str | None = None
    next_at: NextAt = None
    history: Sequence[JourneyStep] = ()


class RecordedStep(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A step as its consumer reports it."""

    event_id: AnyId
    step: Annotated[str, one_of(RETRIED, DEAD_LETTERED, REDRIVEN, DISCARDED)]
    attempt: Count
    reason: str
    next_at: Time | None
    at: Time


class OrderState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """State, history and effects of an order, as its consumer reports them."""

    order_id: AnyId
    state: Annotated[str, one_of(*STATES)]
    attempts: Attempts = 0
    started_at: StartedAt = None
    at: EnteredAt = None
    reason: str | None = None
    next_at: NextAt = None
    history: Sequence[RecordedStep] = ()
    effects: Sequence[Mapping[str, Any]] = ()


class RecentStep(msgspec.Struct, frozen=True, rename="camel"):
    """One step of an event: `working`, `applied`, or a step of its history."""

    step: str
    event_id: AnyId
    order_id: AnyId
    attempt: Count
    at: Time
    reason: str = ""
    next_at: Time | None = None


class Rung(msgspec.Struct, frozen=True):
    """The number of events that wait on a rung of the retry ladder with this delay."""

    seconds: Amount
    waiting: Count


class Queue(msgspec.Struct, frozen=True, rename="camel"):
    """Message counts of one service, from the broker."""

    ready: Count
    retrying: Count
    dead: Count
    counts_held: Annotated[
        bool, Meta(description="Whether `ready` includes unacknowledged messages.")
    ] = False


class Activity(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What a consumer is doing, as one of its processes reports it."""

    service: str
    process: Annotated[str, Meta(description="The replica that sent this response.")]
    reason: Annotated[
        str | None, Meta(description="Why it is not consuming; null while it is consuming.")
    ]
    queue: Queue | None
    queue_reason: Annotated[
        str | None, Meta(description="Why the counts are unknown; `queue` is then null.")
    ] = None
    unsettled: Annotated[Count, Meta(description="Deliveries in flight in this process.")]
    rungs: tuple[Rung, ...] = ()
    applied_per_second: Annotated[
        Amount, Meta(description=f"For all replicas, over the last {RATE_SECONDS:g} s.")
    ]
    faults_allowed: bool = False
    faults: tuple[ActiveFault, ...] = ()
    steps: Annotated[
        tuple[RecentStep, ...], Meta(max_length=MOST_STEPS, description="Newest first.")
    ] = ()


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request for the outcome of some orders."""

    orders: list[str]


class Ended(msgspec.Struct, frozen=True):
    """The outcome of each order that has ended, by order id."""

    ended: dict[str, str]
