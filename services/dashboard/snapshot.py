"""What a browser is told, twice a second: a snapshot of all services, and how old each part is."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from services.dashboard.lanes import LaneState
from services.dashboard.ledger import Order
from shared.activity import ActiveFault, Activity

#: Of the moves of one kind at one service, so many are told from one snapshot to the next.
MOST_MOVES = 12
#: So many of the newest orders are listed; a page of older ones is asked for.
LISTED = 12


class Move(msgspec.Struct, frozen=True, rename="camel"):
    """An order that went a step further, as a service has reported. `service` is None where it
    is the order service: `placed`, or `published`, which is to all services at once. `called`: it
    was applied by a call, and never was in the service's queue.
    """

    step: str
    order_id: str
    service: str | None = None


class Outbox(msgspec.Struct, frozen=True, rename="camel"):
    """`running`: orders that are being done by calls."""

    pending: int
    oldest_age_seconds: float | None = None
    running: int = 0


class Ready(msgspec.Struct, frozen=True):
    ready: bool
    reason: str | None = None


class OrderSide(msgspec.Struct, frozen=True, rename="camel"):
    """The order service. `age`: seconds since it told this; None before it ever did. `reason`:
    why it does not answer, or says that it is not ready.
    """

    age: float | None
    reason: str | None
    faults_allowed: bool
    faults: tuple[ActiveFault, ...]
    outbox: Outbox | None
    outbox_age: float | None
    per_second: float


class RelaySide(msgspec.Struct, frozen=True, rename="camel"):
    age: float | None
    reason: str | None


class ServiceSide(msgspec.Struct, frozen=True, rename="camel"):
    """`unreachable`: why it does not answer; then `told` is what it said last, `age` s ago.
    `processes`: how many of it have answered lately; `held`: deliveries in the hands of these.
    `ready`: messages in its queue that nobody holds. `waiting`: orders of the ledger that it has
    not done; None for a latecomer, and before its inbox was asked. `oldest_seconds`: age of the
    oldest.
    """

    age: float | None
    unreachable: str | None
    told: Activity | None
    processes: int
    held: int
    ready: int | None
    waiting: int | None
    given_up: int | None
    oldest_seconds: float | None


class Verdict(msgspec.Struct, frozen=True, rename="camel"):
    """`light`: done, working, attention, missing or unknown. It stands for `orders`, of which
    `done` are done everywhere. `checked_seconds_ago`: the oldest answer that it rests upon.
    """

    light: str
    orders: int
    done: int
    given_up: int
    missing: Mapping[str, int]
    unknown: tuple[str, ...]
    by_calls: int
    checked_seconds_ago: float | None
    oldest_placed_at: datetime | None


class ListedOrder(msgspec.Struct, frozen=True, rename="camel"):
    order_id: str
    user_id: str
    total_amount: float
    status: str
    placed_at: datetime
    #: Services that have not done it.
    open: tuple[str, ...]


class Snapshot(msgspec.Struct, frozen=True, rename="camel"):
    at: datetime
    ladder: tuple[float, ...]
    order: OrderSide
    relay: RelaySide
    services: Mapping[str, ServiceSide]
    lanes: Mapping[str, LaneState]
    verdict: Verdict
    orders: tuple[ListedOrder, ...]
    moves: tuple[Move, ...]


def listed(order: Order, missing: list[str]) -> ListedOrder:
    return ListedOrder(
        order.order_id,
        order.user_id,
        order.total_amount,
        order.status,
        order.placed_at,
        tuple(missing),
    )
