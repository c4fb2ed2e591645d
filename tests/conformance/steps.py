"""Steps that many tests share: publish, receive, and wait until nothing more arrives."""

import time
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from shared.transport import Broker, Delivery, Message, Subscription
from tests import builders
from tests.waiting import PATIENCE_SECONDS

#: Seconds without a message before a test asserts that nothing more arrives.
QUIET = 0.3


def a_message(body: bytes | None = None, *, id: str | None = None) -> Message:
    message = builders.a_message()
    return replace(
        message,
        id=message.id if id is None else id,
        body=message.body if body is None else body,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )


def messages(count: int) -> list[Message]:
    return [a_message(f'{{"number": {number}}}'.encode()) for number in range(count)]


def publish(broker: Broker, *batch: Message) -> None:
    with broker.publisher() as publisher:
        publisher.publish(batch)


def take(
    subscription: Subscription, count: int, *, within: float = PATIENCE_SECONDS
) -> list[Delivery]:
    """Receive exactly `count` deliveries; leaves them unsettled."""
    deliveries: list[Delivery] = []
    deadline = time.monotonic() + within
    while len(deliveries) < count and time.monotonic() < deadline:
        deliveries += subscription.receive(count - len(deliveries), 0.1)
    assert len(deliveries) == count, f"{len(deliveries)} of {count} came within {within} s"
    return deliveries


def take_one(subscription: Subscription, *, within: float = PATIENCE_SECONDS) -> Delivery:
    return take(subscription, 1, within=within)[0]


def late(subscription: Subscription, *, quiet: float = QUIET) -> list[Message]:
    """Acknowledge messages until none arrives for `quiet` seconds. Returns them, for example
    duplicates.
    """
    received: list[Message] = []
    while deliveries := subscription.receive(100, quiet):
        received += acked(deliveries)
    return received


def drain(broker: Broker, service: str, count: int, *, quiet: float = QUIET) -> list[Message]:
    """Acknowledge `count` messages of a service, and any further ones."""
    with broker.subscribe(service, prefetch=100) as subscription:
        received: list[Message] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(received) < count and time.monotonic() < deadline:
            received += acked(subscription.receive(100, 0.1))
        return received + late(subscription, quiet=quiet)


def acked(deliveries: Iterable[Delivery]) -> list[Message]:
    received = []
    for delivery in deliveries:
        delivery.ack()
        received.append(delivery.message)
    return received


def bury(broker: Broker, service: str, *batch: Message, reason: str = "broken") -> None:
    """Publish messages and dead-letter them in one service."""
    publish(broker, *batch)
    with broker.subscribe(service, prefetch=len(batch)) as subscription:
        for delivery in take(subscription, len(batch)):
            delivery.dead_letter(reason)


def is_of(service: str, name: str) -> bool:
    """Whether this is a queue or topic of the service, in any broker's spelling."""
    return f"{service}_service" in name or f"{service}-service" in name


def ids(batch: Iterable[Message]) -> Sequence[str]:
    return [message.id for message in batch]
