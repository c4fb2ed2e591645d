"""Makes bad messages: duplicates of an order's event, and poison, which is not a valid event."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import httpx
import msgspec

from orderctl.errors import CommandError
from orderctl.order_service import read_answer, request_order
from shared.events import ORDER_PLACED, Item, OrderPlaced, encode
from shared.transport import Message

SOURCE = "/orderctl"
#: JSON but not an order: the id is a number, and everything else is missing.
POISON = b'{"eventType": "order.placed", "orderId": 7}'


class _Order(msgspec.Struct, rename="camel"):
    order_id: str
    event_id: str
    user_id: str
    items: tuple[Item, ...]
    total_amount: Decimal
    placed_at: Annotated[datetime, msgspec.Meta(tz=True)]
    status: str = "accepted"


def duplicates(client: httpx.Client, url: str, order_id: str, number: int) -> Iterator[Message]:
    """The event of an order, as the relay published it. Raises CommandError."""
    order = _find(client, url, order_id)
    if order.status != "accepted":
        raise CommandError(f"{order_id} is {order.status}: its event was never published.")
    event = OrderPlaced(order.order_id, order.user_id, order.items, order.total_amount)
    for _ in range(number):
        yield Message(
            id=order.event_id,
            type=ORDER_PLACED,
            source="/services/order",
            time=order.placed_at.isoformat(),
            key=order.order_id,
            body=encode(event),
        )


def poisons(number: int) -> Iterator[Message]:
    for _ in range(number):
        id = f"poison-{uuid.uuid4()}"
        now = datetime.now(UTC).isoformat()
        yield Message(id=id, type=ORDER_PLACED, source=SOURCE, time=now, key=id, body=POISON)


def _find(client: httpx.Client, url: str, order_id: str) -> _Order:
    answer = request_order(client, url, order_id)
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise CommandError(f"The order service at {url} has no order {order_id}.")
    return read_answer(answer.content, _Order, url)
