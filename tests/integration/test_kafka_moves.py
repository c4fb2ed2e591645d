"""Partitions that move between consumers, and come back, under a backlog."""

import pytest

from shared.transport import Broker, connect
from shared.transport.kafka_lanes import FETCHED
from tests.conformance.steps import acked, ids, messages, publish, take_one
from tests.conformance.transports import LADDER
from tests.servers import KafkaServer

PARTITIONS = 3


@pytest.fixture
def broker(kafka: KafkaServer, kafka_prefix: str) -> Broker:
    made = connect(kafka.url(kafka_prefix, partitions=PARTITIONS), LADDER)
    made.declare(["email"])
    return made


def a_backlog(broker: Broker) -> list[str]:
    """Of so much that every partition is paused while its consumer has enough to do."""
    sent = messages(2 * PARTITIONS * FETCHED)
    publish(broker, *sent)
    return sorted(ids(sent))


def test_a_partition_that_was_paused_when_it_moved_is_read_on_when_it_comes_back(
    broker: Broker,
) -> None:
    sent = a_backlog(broker)
    received = []
    with broker.subscribe("email", prefetch=100) as first:
        received += acked([take_one(first)])
        with broker.subscribe("email", prefetch=100) as second:
            received += acked([take_one(second)])
        while deliveries := first.receive(100, 2.0):
            received += acked(deliveries)
    assert sorted(ids(received)) == sent
