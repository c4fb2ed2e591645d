"""Kafka as another program uses it, without our transport."""

from typing import cast

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from tools.servers import KafkaServer


def bootstrap(kafka: KafkaServer) -> dict[str, str | int | float | bool]:
    return {"bootstrap.servers": f"127.0.0.1:{kafka.port}", "log_level": 0}


def records(
    kafka: KafkaServer, topic: str, count: int
) -> list["confluent_kafka.Message[bytes, bytes]"]:
    """The first records of a topic, as any other consumer sees them."""
    reader = Consumer({**bootstrap(kafka), "group.id": "a-reader", "enable.auto.commit": False})
    partitions = reader.list_topics(topic, 5).topics[topic].partitions
    reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    found = reader.consume(count, 5)
    reader.close()
    assert [record.error() for record in found] == [None] * count
    return found


def headers(record: "confluent_kafka.Message[bytes, bytes]") -> dict[str, str]:
    found = cast(list[tuple[str, bytes]], record.headers() or [])
    return {name: value.decode() for name, value in found}


def alter(kafka: KafkaServer, topic: str, name: str, value: str) -> None:
    change = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
    admin = AdminClient(bootstrap(kafka))
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(10)


def produce(kafka: KafkaServer, topic: str, *bodies: bytes, **settings: str) -> None:
    """Produce as a foreign program would, without our size limits and headers."""
    producer = Producer({**bootstrap(kafka), "message.max.bytes": 32 * 1024 * 1024, **settings})
    for body in bodies:
        producer.produce(topic, body, b"ord-1")
    assert producer.flush(10) == 0


def delete_before(kafka: KafkaServer, topic: str, offset: int) -> None:
    """Delete the records of partition 0 with smaller offsets, as retention does."""
    admin = AdminClient(bootstrap(kafka))
    for deleted in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        deleted.result(10)
