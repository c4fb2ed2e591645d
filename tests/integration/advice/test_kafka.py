"""Kafka with its own defaults: where a new group begins, and share groups."""

from contextlib import closing

import pytest
from confluent_kafka import AcknowledgeType, Consumer, KafkaError, Message, ShareConsumer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from tests.integration.kafka.outside import bootstrap, produce
from tests.waiting import eventually
from tools.servers import KafkaServer


@pytest.fixture
def topic(kafka: KafkaServer, kafka_prefix: str) -> str:
    """A topic with one partition."""
    name = f"{kafka_prefix}.orders"
    admin = AdminClient(bootstrap(kafka))
    for made in admin.create_topics([NewTopic(name, 1, 1)]).values():
        made.result(10)
    return name


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, [b"new"]), ({"auto.offset.reset": "earliest"}, [b"old", b"new"])],
    ids=["default", "from beginning"],
)
def test_a_new_group_begins_at_the_end_unless_told_otherwise(
    kafka: KafkaServer, topic: str, settings: dict[str, str], expected: list[bytes]
) -> None:
    produce(kafka, topic, b"old")
    client = {**bootstrap(kafka), "group.id": f"{topic}.group", "enable.partition.eof": True}
    with closing(Consumer({**client, **settings})) as consumer:
        consumer.subscribe([topic])
        received = _read_to_the_end(consumer)
        produce(kafka, topic, b"new")
        received += _read_to_the_end(consumer)
    assert received == expected


def test_a_share_group_is_a_queue_of_one_partition_and_two_consumers(
    kafka: KafkaServer, topic: str
) -> None:
    group = f"{topic}.share"
    _begin_at_the_oldest(kafka, group)
    with _share(kafka, group, topic) as first, _share(kafka, group, topic) as second:
        produce(kafka, topic, b"one")
        [one] = _poll(first)
        produce(kafka, topic, b"two")
        # Its neighbour in the partition is not acknowledged.
        [two] = _poll(second)
        assert (one.value(), two.value()) == (b"one", b"two")
        second.acknowledge(two)
        second.commit_sync()
        first.acknowledge(one, AcknowledgeType.RELEASE)
        first.commit_sync()
        [again] = _poll(second)
        assert (again.value(), again.delivery_count()) == (b"one", 2)
        second.acknowledge(again)
        second.commit_sync()


def _share(kafka: KafkaServer, group: str, topic: str) -> ShareConsumer:
    consumer = ShareConsumer(
        {
            **bootstrap(kafka),
            "group.id": group,
            "share.acknowledgement.mode": "explicit",
        }
    )
    consumer.subscribe([topic])
    return consumer


def _poll(consumer: ShareConsumer) -> list[Message]:
    found: list[Message] = []

    def has_one() -> bool:
        found.extend(consumer.poll(0.2))
        return bool(found)

    eventually(has_one, "a message")
    assert [message.error() for message in found] == [None] * len(found)
    return found


def _read_to_the_end(consumer: Consumer) -> list[bytes | None]:
    """The records up to the end of the partition, which must be there."""
    found: list[bytes | None] = []

    def is_at_the_end() -> bool:
        for record in consumer.consume(10, 0.2):
            error = record.error()
            if error and error.code() == KafkaError._PARTITION_EOF:
                return True
            assert error is None
            found.append(record.value())
        return False

    eventually(is_at_the_end, "the end of the partition")
    return found


def _begin_at_the_oldest(kafka: KafkaServer, group: str) -> None:
    change = ConfigEntry(
        "share.auto.offset.reset", "earliest", incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=[change])
    admin = AdminClient(bootstrap(kafka))
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(10)
