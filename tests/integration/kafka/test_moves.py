"""Partitions that move between consumers, and come back, under a backlog."""

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
    """Of so much that every partition is paused while its consumer has enough to do."""
    sent = messages(2 * PARTITIONS * FETCHED)
    publish(connect(url, LADDER), *sent)
    return sorted(ids(sent))


def some(subscription: Subscription) -> list[Message]:
    """A little of what is there, and the time to fetch as much as is fetched ahead."""
    received = acked([take_one(subscription)])
    time.sleep(1.0)
    return received


def all_the_rest(subscription: Subscription) -> list[Message]:
    received: list[Message] = []
    # What a killed consumer had comes when its session is over.
    while deliveries := subscription.receive(100, 10.0):
        received += acked(deliveries)
    return received


def test_a_consumer_that_joins_and_leaves_again_and_again_leaves_no_partition_unread(
    url: str,
) -> None:
    sent, received = a_backlog(url), []
    with connect(url, LADDER).subscribe("email", prefetch=100) as staying:
        for _ in range(ROUNDS):
            received += some(staying)
            with connect(url, LADDER).subscribe("email", prefetch=100) as passing:
                received += some(passing)
        received += all_the_rest(staying)
    assert sorted(ids(received)) == sent


def test_a_consumer_that_is_killed_again_and_again_leaves_no_partition_unread(url: str) -> None:
    sent, received = a_backlog(url), []
    with connect(url, LADDER).subscribe("email", prefetch=100) as staying:
        for _ in range(ROUNDS):
            received += some(staying)
            _join_and_be_killed(url)
        received += all_the_rest(staying)
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
