"""What a consumer tells those who watch: how it stands, and what happened there lately."""

from datetime import datetime

import msgspec

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


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """Something that became of an event: `working`, `applied`, or a step of its history."""

    step: str
    event_id: str
    order_id: str
    attempt: int
    at: datetime
    reason: str = ""
    next_at: datetime | None = None


class Rung(msgspec.Struct, frozen=True):
    """How many events wait so many seconds for their next attempt."""

    seconds: float
    waiting: int


class Queue(msgspec.Struct, frozen=True, rename="camel"):
    """As the broker counts. `counts_held`: `ready` includes what consumers hold."""

    ready: int
    retrying: int
    dead: int
    counts_held: bool = False


class Fault(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    value: str
    seconds_left: float | None = None


class Activity(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """`reason`: why nothing is consumed, None while it is. `queue` is None while the broker does
    not tell, which `queue_reason` explains. `unsettled`: in the hands of the process that answers,
    which `process` tells from its replicas. `applied_per_second`: by all of them, over the last
    RATE_SECONDS.
    """

    service: str
    process: str
    reason: str | None
    queue: Queue | None
    queue_reason: str | None = None
    unsettled: int
    rungs: tuple[Rung, ...] = ()
    applied_per_second: float
    faults_allowed: bool = False
    faults: tuple[Fault, ...] = ()
    steps: tuple[Step, ...] = ()


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of these orders?"""

    orders: list[str]


class Ended(msgspec.Struct, frozen=True):
    """Those of them that came to an end, and to which: applied, dead_lettered or discarded."""

    ended: dict[str, str]
