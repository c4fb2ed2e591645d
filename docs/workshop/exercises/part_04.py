"""Part 4: a consumer that acknowledges too early. Change `consume`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.sqlite_address import sqlite_url
from shared.transport import Broker, Message, Subscription, connect


def consume(subscription: Subscription, work: Callable[[str], None]) -> None:
    """Take one message, if there is one, and do the work for its order."""
    for delivery in subscription.receive(1, timeout=0.1):
        delivery.ack()
        work(delivery.message.key)


# The tests, on the embedded broker. Leave them as they are.


class Killed(BaseException):
    """Simulates the death of the process."""


def test_a_message_in_flight_is_redelivered_after_a_crash(tmp_path: Path) -> None:
    broker = broker_with_an_order(tmp_path)
    done: list[str] = []

    with pytest.raises(Killed), broker.subscribe("email", prefetch=1) as subscription:
        consume(subscription, dies)
    with broker.subscribe("email", prefetch=1) as subscription:
        consume(subscription, done.append)

    assert done == ["ord-1"]


def test_an_acknowledged_message_is_not_redelivered(tmp_path: Path) -> None:
    broker = broker_with_an_order(tmp_path)
    done: list[str] = []

    for _ in range(2):
        with broker.subscribe("email", prefetch=1) as subscription:
            consume(subscription, done.append)

    assert done == ["ord-1"]


def dies(_order: str) -> None:
    raise Killed


def broker_with_an_order(folder: Path) -> Broker:
    broker = connect(sqlite_url(folder / "broker.db"))
    broker.declare(["email"])
    time = "2026-03-04T05:06:07Z"
    message = Message(
        id="1", type="order.placed", source="/", time=time, key="ord-1", body=b"", traceparent=""
    )
    with broker.publisher() as publisher:
        publisher.publish([message])
    return broker
