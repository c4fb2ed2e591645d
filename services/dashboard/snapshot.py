"""What a browser is told, twice a second: a snapshot of all services, and how old each part is."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from services.dashboard.lanes import LaneState
from services.dashboard.tracked_orders import TrackedOrder
from shared.activity.shapes import ActiveFault, Activity
from shared.openapi.fields import Time

Age = Annotated[
    float | None, Meta(description="Seconds since it was last heard; null before it ever was.")
]

#: Of the moves of one kind at one service, so many are told from one snapshot to the next.
MOST_MOVES = 12
#: So many of the newest orders are listed; a page of older ones is asked for.
LISTED = 12


class OrderMove(msgspec.Struct, frozen=True, rename="camel"):
    """An order that went a step further, as a service has reported. `called`: it was applied by a
    call, and never was in the service's queue.
    """

    step: str
    order_id: str
    service: Annotated[
        str | None,
        Meta(
            description="Null where it is the order service: `placed`, or `published`, which is "
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
    reason: Annotated[
        str | None, Meta(description="Why it does not answer, or says that it is not ready.")
    ]
    faults_allowed: bool
    faults: tuple[ActiveFault, ...]
    outbox: Outbox | None
    outbox_age: float | None
    per_second: float


class RelaySide(msgspec.Struct, frozen=True, rename="camel"):
    age: Age
    reason: str | None


class ServiceSide(msgspec.Struct, frozen=True, rename="camel"):
    """A consumer, and its part of the orders that are shown."""

    age: Age
    unreachable: Annotated[
        str | None, Meta(description="Why it does not answer; `told` is then what it said last.")
    ]
    told: Activity | None
    processes: Annotated[int, Meta(description="How many of it have answered lately.")]
    held: Annotated[int, Meta(description="Deliveries in flight in these processes.")]
    ready: Annotated[int | None, Meta(description="Messages in its queue that no consumer holds.")]
    waiting: Annotated[
        int | None,
        Meta(
            description="Orders that it has not done; null for a latecomer, and before it was "
            "asked for them."
        ),
    ]
    given_up: int | None
    oldest_seconds: Annotated[float | None, Meta(description="Age of the oldest of them.")]


class StatusLight(msgspec.Struct, frozen=True, rename="camel"):
    """What is known of all orders together."""

    light: Annotated[
        str, Meta(description="`done`, `working`, `attention`, `missing` or `unknown`.")
    ]
    orders: Annotated[int, Meta(description="How many orders the light stands for.")]
    done: Annotated[int, Meta(description="Those of them that every service has done.")]
    given_up: int
    missing: Mapping[str, int]
    unknown: tuple[str, ...]
    by_calls: int
    checked_seconds_ago: Annotated[
        float | None, Meta(description="Age of the oldest answer that it rests upon.")
    ]
    oldest_placed_at: Time | None


class ListedOrder(msgspec.Struct, frozen=True, rename="camel"):
    order_id: str
    user_id: str
    total_amount: float
    status: str
    placed_at: Time
    open: Annotated[tuple[str, ...], Meta(description="Services that have not done it.")]


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
