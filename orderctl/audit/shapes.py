"""The JSON responses of services and downstream systems, reduced to what the audit reads."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from orderctl.audit import facts as audit_facts
from orderctl.audit.facts import ACCEPTED, Order

#: The position of the next page; absent or null on the last page.
Cursor = str | int | None


Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Item(msgspec.Struct, rename="camel"):
    product_id: str
    quantity: int
    price: Decimal


class OrderRow(msgspec.Struct, rename="camel"):
    order_id: str
    event_id: str
    user_id: str
    items: list[Item]
    total_amount: Decimal
    placed_at: Time
    status: str = ACCEPTED

    def order(self) -> Order:
        items = [audit_facts.Item(i.product_id, i.quantity, i.price) for i in self.items]
        return Order(
            self.order_id,
            self.event_id,
            self.user_id,
            tuple(items),
            self.total_amount,
            self.placed_at,
            self.status,
        )


class OrderPage(msgspec.Struct):
    orders: list[OrderRow]
    next: Cursor = None


class Address(msgspec.Struct, rename="pascal"):
    address: str = ""


class Mail(msgspec.Struct, rename="pascal"):
    """`snippet`: the start of the text, in one line."""

    id: str = msgspec.field(name="ID")
    message_id: str = msgspec.field(name="MessageID", default="")
    sender: Address | None = msgspec.field(name="From", default=None)
    to: list[Address] | None = None
    cc: list[Address] | None = None
    bcc: list[Address] | None = None
    subject: str = ""
    snippet: str | None = None

    def recipients(self) -> str:
        everybody = [*(self.to or ()), *(self.cc or ()), *(self.bcc or ())]
        return ", ".join(sorted(_unquoted(each) for each in everybody))

    def sent_by(self) -> str:
        return _unquoted(self.sender) if self.sender else ""


class WholeMail(msgspec.Struct, rename="pascal"):
    text: str = ""


def _unquoted(address: Address) -> str:
    """Without the quotes of RFC 5321 ("a..b"@example.com), which some servers drop."""
    return address.address.replace('"', "")


class MailPage(msgspec.Struct):
    total: int
    messages: list[Mail]


class Text(msgspec.Struct, rename="camel"):
    id: str | int
    idempotency_key: str | None = None
    to: str = ""
    text: str = ""


class TextPage(msgspec.Struct):
    messages: list[Text]
    next: Cursor = None


class Movement(msgspec.Struct, rename="camel"):
    event_id: str
    order_id: str
    product_id: str
    requested: int
    moved: int
    backordered: int


class FactItem(msgspec.Struct, rename="camel"):
    product_id: str
    quantity: int
    revenue: Decimal


class Fact(msgspec.Struct, rename="camel"):
    """`minute`: whole minutes since 1970. Items without a fact have only items and event id."""

    event_id: str
    order_id: str | None
    total_amount: Decimal | None
    minute: int | None
    items: list[FactItem]


class Shipment(msgspec.Struct, rename="camel"):
    event_id: str
    order_id: str
    items: int


class Joined(msgspec.Struct):
    """`at`: None until the service has started to receive."""

    at: Time | None


class Product(msgspec.Struct, rename="camel"):
    product_id: str
    initial: int
    on_hand: int


class ProductPage(msgspec.Struct):
    products: list[Product]
    next: Cursor = None
