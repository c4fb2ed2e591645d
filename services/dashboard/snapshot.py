"""The snapshot sent to browsers twice per second: the state of all services, with ages."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from services.dashboard.lanes import LaneState
from services.dashboard.tracked_orders import TrackedOrder
from shared.activity.shapes import Activity
from shared.faults.shapes import ActiveFault
from shared.openapi.fields import Time

Age = Annotated[
    float | None, Meta(description="Seconds since the last response; null before the first.")
]

#: Maximum number of moves per kind, service and snapshot.
MOST_MOVES = 12
#: Number of newest orders in a snapshot; older ones are requested page by page.
LISTED = 12


class OrderMove(msgspec.Struct, frozen=True, rename="camel"):
    """A step of an order, as reported by a service. `called`: applied by a synchronous call, so
    the order was never in the service's queue.
    """

    step: str
    order_id: str
    service: Annotated[
        str | None,
        Meta(
            description="Null for steps of the order service: `placed`, and `published`, which is "
            "to all services at once."
        ),
    ] = None


class Outbox(msgspec.Struct, frozen=True, rename="camel"):
    pending: int
    oldest_age_seconds: float | None = None
    running: Annotated[int, Meta(description="Orders that are being processed synchronously.")] = 0


class Ready(msgspec.Struct, frozen=True):
    ready: bool
    reason: str | None = None


class OrderSide(msgspec.Struct, frozen=True, rename="camel"):
    """The order service."""

    age: Age
    reason: Annotated[str | None, Meta(description="Why it does not respond or is not ready.")]
    faults_allowed: bool
    faults: tuple[ActiveFault, ...]
    outbox: Outbox | None
    outbox_age: float | None
    per_second: float


class RelaySide(msgspec.Struct, frozen=True, rename="camel"):
    age: Age
    reason: str | None


class ServiceSide(msgspec.Struct, frozen=True, rename="camel"):
    """A consumer, and its progress with the tracked orders."""

    age: Age
    unreachable: Annotated[
        str | None, Meta(description="Why it does not respond; `told` is then its last report.")
    ]
    told: Activity | None
    processes: Annotated[int, Meta(description="Processes that have responded recently.")]
    held: Annotated[int, Meta(description="Deliveries in flight in these processes.")]
    ready: Annotated[int | None, Meta(description="Messages in its queue that are not delivered.")]
    waiting: Annotated[
        int | None,
        Meta(
            description="Orders that it has not processed; null for a latecomer, and before its "
            "inbox was queried."
        ),
    ]
    given_up: int | None
    oldest_seconds: Annotated[float | None, Meta(description="Age of the oldest of them.")]


class StatusLight(msgspec.Struct, frozen=True, rename="camel"):
    """The overall state of the orders."""

    light: Annotated[
        str, Meta(description="`done`, `working`, `attention`, `missing` or `unknown`.")
    ]
    orders: Annotated[int, Meta(description="Orders that the light covers.")]
    done: Annotated[int, Meta(description="Orders that every service has processed.")]
    given_up: int
    missing: Mapping[str, int]
    unknown: tuple[str, ...]
    by_calls: int
    checked_seconds_ago: Annotated[
        float | None, Meta(description="Age of the oldest response it is based on.")
    ]
    oldest_placed_at: Time | None


class ListedOrder(msgspec.Struct, frozen=True, rename="camel"):
    order_id: str
    user_id: str
    total_amount: float
    status: str
    placed_at: Time
    open: Annotated[tuple[str, ...], Meta(description="Services that have not processed it.")]


class Snapshot(msgspec.Struct, frozen=True, rename="camel"):
    at: Time
    ladder: tuple[float, ...]
    order: OrderSide
    relay: RelaySide
    services: Mapping[str, ServiceSide]
    lanes: Mapping[str, LaneState]
    verdict: StatusLight
    orders: tuple[ListedOrder, ...]
    moves: tuple[OrderMove, ...]


def listed(order: TrackedOrder, missing: list[str]) -> ListedOrder:
    return ListedOrder(
        order.order_id,
        order.user_id,
        order.total_amount,
        order.status,
        order.placed_at,
        tuple(missing),
    )
