"""Partitions that move between consumers, and back, while there is a backlog."""

import multiprocessing
import time
from multiprocessing.connection import Connection

import pytest

from shared.transport import Message, Subscription, connect
from shared.transport.kafka.assigned_partitions import FETCHED
from tests.conformance.steps import acked, ids, messages, publish, take_one
from tests.conformance.transports import LADDER
from tests.waiting import PATIENCE_SECONDS
from tools.servers import KafkaServer

PARTITIONS = 3
ROUNDS = 3
_spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def url(kafka: KafkaServer, kafka_prefix: str) -> str:
    made = kafka.url(kafka_prefix, partitions=PARTITIONS)
    connect(made, LADDER).declare(["email"])
    return made


def a_backlog(url: str) -> list[str]:
    """Publish enough to make the consumer pause every partition; returns the sorted ids."""
    sent = messages(2 * PARTITIONS * FETCHED)
    publish(connect(url, LADDER), *sent)
    return sorted(ids(sent))


def take_some(subscription: Subscription) -> list[Message]:
    """Acknowledge one message, and leave the client time to fill its prefetch buffer."""
    received = acked([take_one(subscription)])
    time.sleep(1.0)
    return received


def take_the_rest(subscription: Subscription) -> list[Message]:
    received: list[Message] = []
    # Messages of a killed consumer are redelivered when its session times out.
    while deliveries := subscription.receive(100, 10.0):
        received += acked(deliveries)
    return received


def test_no_partition_stays_unread_when_a_consumer_joins_and_leaves_repeatedly(
    url: str,
) -> None:
    sent, received = a_backlog(url), []
    with connect(url, LADDER).subscribe("email", prefetch=100) as staying:
        for _ in range(ROUNDS):
            received += take_some(staying)
            with connect(url, LADDER).subscribe("email", prefetch=100) as passing:
                received += take_some(passing)
        received += take_the_rest(staying)
    assert sorted(ids(received)) == sent


def test_no_partition_stays_unread_when_consumers_are_killed_repeatedly(url: str) -> None:
    sent, received = a_backlog(url), []
    with connect(url, LADDER).subscribe("email", prefetch=100) as staying:
        for _ in range(ROUNDS):
            received += take_some(staying)
            _join_and_be_killed(url)
        received += take_the_rest(staying)
    assert sorted(ids(received)) == sent


def _join_and_be_killed(url: str) -> None:
    here, there = _spawn.Pipe()
    killed = _spawn.Process(target=_hold, args=(url, there), daemon=True)
    killed.start()
    try:
        assert here.poll(PATIENCE_SECONDS)
        assert here.recv() == "received"
    finally:
        killed.kill()
        killed.join()


def _hold(url: str, parent: Connection) -> None:
    with connect(url, LADDER).subscribe("email", prefetch=100) as subscription:
        take_one(subscription)
        parent.send("received")
        time.sleep(PATIENCE_SECONDS)
