"""What the audit compares: what was promised, and what the far ends say was done."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

ACCEPTED = "accepted"
COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class Order:
    """A row of the order database. `quantities`: pieces by product, summed over the items.

    `status`: accepted, or of an order that was done by calls: pending, completed or failed.
    """

    order_id: str
    event_id: str
    quantities: Mapping[str, int]
    total: Decimal
    placed_at: datetime | None = None
    status: str = ACCEPTED

    @property
    def is_half_done(self) -> bool:
        """Its client was promised nothing, and some of its effects may be there."""
        return self.status not in (ACCEPTED, COMPLETED)


@dataclass(frozen=True, slots=True)
class Answer:
    """A client was answered 202. `event_id` is "" where the ledger does not say it."""

    order_id: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that was done, as the far end shows it.

    `part`: an event has one effect for each part: a stock movement for each product; elsewhere
    the part is "". `says`: the content, to be compared with what the order says.
    `mentions`: where an order id may stand when the event id is unknown (a mail's subject).
    """

    event_id: str
    part: str = ""
    says: tuple[object, ...] = ()
    mentions: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Stock:
    """What a product started with and what is left of it, in pieces."""

    initial: int
    on_hand: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was collected. Mappings are by service, those of stock by product.

    `answers` is None without a ledger, and `stock` is None when it changed while it was read,
    so that movements and balances do not belong to the same moment. `joined`: when a latecomer
    began to receive; all others were there from the start.
    """

    orders: tuple[Order, ...]
    effects: Mapping[str, tuple[Effect, ...]]
    dead_letters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    answers: tuple[Answer, ...] | None = None
    stock: Mapping[str, Stock] | None = field(default_factory=dict)
    moved: Mapping[str, int] = field(default_factory=dict)
    joined: Mapping[str, datetime | None] = field(default_factory=dict)


def expected_effects(service: str, order: Order) -> Counter[Effect]:
    """Exactly what a service should have done for an order."""
    if service == "inventory":
        return Counter(
            Effect(order.event_id, product, (order.order_id, quantity, quantity))
            for product, quantity in order.quantities.items()
        )
    if service == "analytics":
        return Counter([Effect(order.event_id, says=(order.order_id, order.total))])
    if service == "shipping":
        pieces = sum(order.quantities.values())
        return Counter([Effect(order.event_id, says=(order.order_id, pieces))])
    return Counter([Effect(order.event_id)])
