"""Queues and deliveries in the way that articles use them."""

from collections.abc import Mapping
from typing import Any

from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic

WORK, DEAD = "work", "dead"
PERSISTENT = BasicProperties(delivery_mode=2)
#: Failed messages go to the queue `dead`.
DEAD_LETTERING: Mapping[str, Any] = {
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": DEAD,
}


def declare(channel: BlockingChannel, **arguments: str | int) -> None:
    """A durable work queue with these arguments, and a dead letter queue."""
    channel.queue_declare(DEAD, durable=True)
    named = {name.replace("_", "-"): value for name, value in arguments.items()}
    channel.queue_declare(WORK, durable=True, arguments={**DEAD_LETTERING, **named})


def send(channel: BlockingChannel, body: str, queue: str = WORK) -> None:
    channel.basic_publish("", queue, body.encode(), PERSISTENT)


def take(channel: BlockingChannel, queue: str = WORK) -> tuple[Basic.GetOk, str] | None:
    """The next message of the queue, unacknowledged; None if there is none."""
    method, _properties, body = channel.basic_get(queue)
    return (method, (body or b"").decode()) if method else None


def size(channel: BlockingChannel, queue: str) -> int:
    """Messages in the queue that are not delivered."""
    return int(channel.queue_declare(queue, passive=True).method.message_count)
