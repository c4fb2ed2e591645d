"""The facts that the audit compares: orders, responses to clients, effects and stock."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus

ACCEPTED = "accepted"
COMPLETED = "completed"

#: The possible statuses of an order, by the status of the response to its client.
PROMISED = {int(HTTPStatus.ACCEPTED): (ACCEPTED,), int(HTTPStatus.CREATED): (COMPLETED,)}

#: The content of an effect, as texts that are equal if the facts are.
Content = tuple[str, ...]


def content_of(*facts: object) -> Content:
    """Normalise facts to texts; 50.0 and 50.00 become the same."""
    return tuple(f"{f.normalize():f}" if isinstance(f, Decimal) else str(f) for f in facts)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order; `price` is per piece."""

    product_id: str
    quantity: int
    price: Decimal

    @property
    def total(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Order:
    """A row of the order database.

    `status`: accepted, or for a synchronous order pending, completed or failed.
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
        """Pending or failed: its client was promised nothing, but it may have some effects."""
        return self.status not in (ACCEPTED, COMPLETED)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that confirmed an order to a client.

    `event_id` is "" and `status`, the HTTP status, is 0 if the ledger does not contain them.
    """

    order_id: str
    event_id: str = ""
    status: int = 0

    def fits(self, status: str) -> bool:
        """Whether the client was told this status."""
        return status in PROMISED.get(self.status, (ACCEPTED, COMPLETED))


@dataclass(frozen=True, slots=True)
class SeenEffect:
    """One effect, as the downstream system shows it.

    `part`: the product of a stock movement, of which an event has one per product; otherwise "".
    `content`: compared with the order. `mentions`: a text that may contain the order id if the
    event id is unknown (an email's subject). `listed_as`: its id in the downstream system;
    entries with the same id are one effect.
    """

    event_id: str
    part: str = ""
    content: Content = ()
    mentions: str = field(default="", compare=False)
    listed_as: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Stock:
    """The initial and the current stock of a product, in pieces."""

    initial: int
    on_hand: int
