"""Puts the order that every benchmark uses into requests, queues and the outbox."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pika
from pika.adapters.blocking_connection import BlockingChannel

from bench.testbed import execute, wait_for
from shared.events import ORDER_PLACED, Item, OrderPlaced, encode
from shared.transport import Message
from shared.transport.names import work_queue
from shared.transport.rabbitmq.wire import brief_channel, properties
from shop.consumers import CONSUMERS

#: The body of a client's request.
REQUEST = (
    b'{"userId": "usr-123", "items": [{"productId": "prod-456", "quantity": 2, "price": 49.99}]}'
)

_ITEMS = (Item("prod-456", 2, Decimal("49.99")),)


def body(order_id: str) -> bytes:
    """The body of this order's event."""
    return encode(OrderPlaced(order_id, "usr-123", _ITEMS, Decimal("99.98")))


def messages(count: int) -> Iterable[Message]:
    for _ in range(count):
        order_id = f"ord-{uuid.uuid4().hex}"
        yield Message(
            id=str(uuid.uuid4()),
            type=ORDER_PLACED,
            source="/services/order",
            time=datetime.now(UTC).isoformat(),
            key=order_id,
            body=body(order_id),
        )


def fill_queue(broker_url: str, service: str, count: int) -> None:
    """Put events straight into one service's queue, as the relay would have sent them."""
    queue = work_queue(service)
    with brief_channel(broker_url, "bench") as channel:
        for message in messages(count):
            channel.basic_publish("", queue, message.body, properties(message))
        wait_for(lambda: _depth(channel, queue) == count, f"{count} messages in {queue}")


def _depth(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def fill_outbox(database_url: str, count: int) -> None:
    """Insert all rows in one transaction, so that the relay sees them at once."""
    payload = body(f"ord-{uuid.uuid4().hex}").decode()
    execute(
        database_url,
        """INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at)
           SELECT gen_random_uuid()::text, 'order', 'ord-' || n, 'order.placed', %s, '{}', now()
           FROM generate_series(1, %s) AS n""",
        payload,
        count,
    )


def empty_queues(broker_url: str, services: Sequence[str] = CONSUMERS) -> None:
    with brief_channel(broker_url, "bench") as channel:
        for service in services:
            channel.queue_purge(work_queue(service))


def bare_properties() -> pika.BasicProperties:
    """The properties of a yardstick's messages: persistent, without headers to encode."""
    return pika.BasicProperties(
        content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent.value
    )
