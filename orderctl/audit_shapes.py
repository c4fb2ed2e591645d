"""The JSON that far ends answer with: of each object, what the audit reads."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from orderctl.audit_evidence import ACCEPTED

#: What leads to the next page; absent or null on the last one.
Cursor = str | int | None


class Item(msgspec.Struct, rename="camel"):
    product_id: str
    quantity: int


class OrderRow(msgspec.Struct, rename="camel"):
    order_id: str
    event_id: str
    items: list[Item]
    total_amount: Decimal
    placed_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    status: str = ACCEPTED

    def quantities(self) -> Mapping[str, int]:
        pieces: Counter[str] = Counter()
        for item in self.items:
            pieces[item.product_id] += item.quantity
        return pieces


class OrderPage(msgspec.Struct):
    orders: list[OrderRow]
    next: Cursor = None


class Mail(msgspec.Struct):
    id: str = msgspec.field(name="ID")
    message_id: str = msgspec.field(name="MessageID", default="")
    subject: str = msgspec.field(name="Subject", default="")


class MailPage(msgspec.Struct):
    total: int
    messages: list[Mail]


class Text(msgspec.Struct, rename="camel"):
    id: str | int
    idempotency_key: str | None = None
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


class Fact(msgspec.Struct, rename="camel"):
    event_id: str
    order_id: str
    total_amount: Decimal


class Shipment(msgspec.Struct, rename="camel"):
    event_id: str
    order_id: str
    items: int


class Joined(msgspec.Struct):
    """None before the service has begun to receive."""

    at: Annotated[datetime, msgspec.Meta(tz=True)] | None


class Product(msgspec.Struct, rename="camel"):
    product_id: str
    initial: int
    on_hand: int


class ProductPage(msgspec.Struct):
    products: list[Product]
    next: Cursor = None
