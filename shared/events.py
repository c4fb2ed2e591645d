"""The `order.placed` event of the contract: its types, encoding and validation.

Metadata (id, type, time) travels in CloudEvents attributes beside the body, so the body contains
exactly the fields of the contract.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from shared.errors import ContractError

ORDER_PLACED = "order.placed"

#: The format of every id. An id ends up in a URL, a header and a mail address.
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"
#: Separates an event's id from the id of a replay that deliberately sends it again. The
#: downstream system takes the result for another event; the audit recognises it.
RESENT = ".replay-"
MAX_ITEMS = 100
MAX_QUANTITY = 10_000
#: The highest unit price in a new order.
MAX_PRICE = Decimal("1000000.00")
#: The largest amount in an event: well within a 64-bit number of cents, and more than the
#: largest order (100 items, 10,000 pieces each, at MAX_PRICE).
MAX_AMOUNT = Decimal("999999999999999.99")

Identifier = Annotated[str, Meta(pattern=ID_PATTERN)]


class Item(msgspec.Struct, frozen=True, rename="camel"):
    """One line of an order; `price` is the unit price."""

    product_id: Identifier
    quantity: Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
    price: Decimal

    def total(self) -> Decimal:
        return self.quantity * self.price


class OrderPlaced(
    msgspec.Struct, frozen=True, rename="camel", tag_field="eventType", tag=ORDER_PLACED
):
    """A customer's order was accepted. Unknown fields are ignored: changes are additive."""

    order_id: Identifier
    user_id: Identifier
    items: Annotated[tuple[Item, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    total_amount: Decimal


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A decoded event, with the id by which a redelivery is recognised."""

    id: str
    time: datetime
    order: OrderPlaced
    #: 1 on first delivery.
    attempt: int = 1


def is_id(text: str) -> bool:
    return re.match(ID_PATTERN, text) is not None


def total_of(items: Sequence[Item]) -> Decimal:
    """The total price of the items; exact, since every part is a Decimal."""
    return sum((item.total() for item in items), Decimal(0))


#: msgspec reads a JSON number straight into a Decimal and writes it back as a number, so
#: 90071992547409.93 is preserved. Parsers that use a float turn it into .94.
_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(OrderPlaced)


def encode(order: OrderPlaced) -> bytes:
    return _encoder.encode(order)


def decode(body: bytes) -> OrderPlaced:
    """Read an event body. Raises ContractError, whose message names the invalid field."""
    try:
        order = _decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        # UnicodeDecodeError is a ValueError and is raised for text that is not UTF-8.
        raise ContractError(str(error)) from error
    except ValueError as error:
        raise ContractError(f"not UTF-8: {error}") from error
    _check_money(order)
    return order


def _check_money(order: OrderPlaced) -> None:
    for amount in (order.total_amount, *(item.price for item in order.items)):
        if not is_money(amount):
            raise ContractError(f"{amount} is not an amount of money with at most two decimals")
    if total_of(order.items) != order.total_amount:
        raise ContractError(
            f"totalAmount is {order.total_amount}, but the items cost {total_of(order.items)}"
        )


def is_money(amount: Decimal) -> bool:
    """Finite, not negative, within range, and with no more than two decimals."""
    if not amount.is_finite() or amount < 0 or amount > MAX_AMOUNT:
        return False
    return amount == round(amount, 2)


def parse_time(text: str) -> datetime:
    """Read a CloudEvents time (RFC 3339), as UTC. Raises ContractError."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ContractError(f"time is {text!r}, which is not an RFC 3339 time") from error
