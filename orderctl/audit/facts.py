"""What the audit compares: what was promised, and what the far ends say was done."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus

ACCEPTED = "accepted"
COMPLETED = "completed"

#: What a response to a client promises: the status that the order has from then on.
PROMISED = {int(HTTPStatus.ACCEPTED): (ACCEPTED,), int(HTTPStatus.CREATED): (COMPLETED,)}

#: What an effect says, in words that are equal where the facts are.
Said = tuple[str, ...]


def said(*facts: object) -> Said:
    """50.0 and 50.00 are the same amount."""
    return tuple(f"{f.normalize():f}" if isinstance(f, Decimal) else str(f) for f in facts)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order; `price` is that of one piece."""

    product_id: str
    quantity: int
    price: Decimal

    @property
    def total(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Order:
    """A row of the order database.

    `status`: accepted, or of an order that was done by calls: pending, completed or failed.
    """

    order_id: str
    event_id: str
    user_id: str
    items: tuple[Item, ...]
    total: Decimal
    placed_at: datetime
    status: str = ACCEPTED

    @property
    def quantities(self) -> Mapping[str, int]:
        """Pieces by product, summed over the items."""
        pieces: Counter[str] = Counter()
        for item in self.items:
            pieces[item.product_id] += item.quantity
        return pieces

    @property
    def is_half_done(self) -> bool:
        """Its client was promised nothing, and some of its effects may be there."""
        return self.status not in (ACCEPTED, COMPLETED)


@dataclass(frozen=True, slots=True)
class Answer:
    """A client was told that an order is placed.

    `event_id` is "" and `status`, that of the HTTP response, 0 where the ledger does not say it.
    """

    order_id: str
    event_id: str = ""
    status: int = 0

    def fits(self, status: str) -> bool:
        """Whether an order with this status is what the client was told."""
        return status in PROMISED.get(self.status, (ACCEPTED, COMPLETED))


@dataclass(frozen=True, slots=True)
class SeenEffect:
    """One thing that was done, as the far end shows it.

    `part`: an event has one effect for each part: a stock movement for each product; elsewhere
    the part is "". `says`: the content, to be compared with what the order says.
    `mentions`: where an order id may stand when the event id is unknown (a mail's subject).
    `listed_as`: how the far end calls it; what is listed twice under one name is there once.
    """

    event_id: str
    part: str = ""
    says: Said = ()
    mentions: str = field(default="", compare=False)
    listed_as: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Stock:
    """What a product started with and what is left of it, in pieces."""

    initial: int
    on_hand: int
