"""Orders, events and messages as the system creates them, each with unique ids."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

from shared.events import ORDER_PLACED, Event, Item, OrderPlaced, encode, total_of
from shared.transport import Message

THE_TIME = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

#: Bodies that are not the expected JSON for code that reads `reason`, `orderId` or `IDs`.
NO_DOCUMENTS = {
    "nothing": b"",
    "HTML": b"<html>",
    "another type": b'"ready"',
    "not UTF-8": b'{"ready": true, "reason": "\xff", "orderId": "\xff", "IDs": ["\xff"]}',
    "nested deeply": b'{"more": ' + b"[" * 60_000,
}


def an_item(product_id: str = "prod-456", quantity: int = 2, price: str = "49.99") -> Item:
    return Item(product_id=product_id, quantity=quantity, price=Decimal(price))


def an_event(*items: Item, user: str = "usr-123", time: datetime = THE_TIME) -> Event:
    return Event(id=str(uuid.uuid4()), time=time, order=_an_order(items or (an_item(),), user))


def _an_order(items: tuple[Item, ...], user: str) -> OrderPlaced:
    order_id = f"ord-{uuid.uuid4().hex[:12]}"
    return OrderPlaced(order_id, user, items, total_of(items))


def a_message(event: Event | None = None, *, attempt: int = 1, type: str = ORDER_PLACED) -> Message:
    event = event or an_event()
    return Message(
        id=event.id,
        type=type,
        source="/services/order",
        time=event.time.isoformat(),
        key=event.order.order_id,
        body=encode(event.order),
        attempt=attempt,
    )
