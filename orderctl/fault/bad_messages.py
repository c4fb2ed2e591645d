"""Messages that nobody wants: the same event once more, and what is no event at all."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from urllib.parse import quote

import httpx
import msgspec

from orderctl.errors import CommandError
from shared.errors import DocumentError
from shared.events import ORDER_PLACED, Item, OrderPlaced, encode
from shared.http.documents import read_document
from shared.transport import Message

SOURCE = "/orderctl"
#: JSON, but no order: the id is a number, and the rest is missing.
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
    try:
        answer = client.get(f"{url.rstrip('/')}/orders/{quote(order_id, safe='')}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise CommandError(f"The order service at {url} knows no order {order_id}.")
        return read_document(answer.raise_for_status().content, _Order)
    except (httpx.HTTPError, httpx.InvalidURL, DocumentError) as error:
        raise CommandError(
            f"The order service at {url} does not tell about {order_id} "
            f"({str(error) or type(error).__name__}): start it, or set ORDER_URL to where it is."
        ) from error
