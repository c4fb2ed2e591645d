"""Converts partitions to and from confluent-kafka's type, and queries their bounds."""

from collections.abc import Mapping
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException, TopicPartition

from shared.transport.kafka.address import REQUEST_TIMEOUT
from shared.transport.kafka.assigned_partitions import Partition, Record
from shared.transport.kafka.silent_partitions import Ends

#: How long the polling thread waits for the end of a partition.
LOOK_TIMEOUT = 1.0


def begins_with(consumer: Consumer, record: Record) -> bool:
    """Whether the partition has nothing older: offsets may be skipped for other reasons too."""
    with suppress(KafkaException):
        oldest, _next = consumer.get_watermark_offsets(
            TopicPartition(*record.partition), REQUEST_TIMEOUT
        )
        return oldest >= record.offset
    return False


def ends(consumer: Consumer, partition: Partition) -> Ends | None:
    where = TopicPartition(*partition)
    with suppress(KafkaException):
        _oldest, readable = consumer.get_watermark_offsets(where, LOOK_TIMEOUT)
        # The result of the last fetch includes open transactions.
        _oldest, written = consumer.get_watermark_offsets(where, cached=True)
        return Ends(readable, max(readable, written))
    return None


def known(committed: list[TopicPartition]) -> dict[Partition, int]:
    return {(p.topic, p.partition): p.offset for p in committed if p.offset >= 0}


def offsets(positions: Mapping[Partition, int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number, at) for (topic, number), at in positions.items()]


def named(partitions: list[TopicPartition]) -> list[Partition]:
    return [(partition.topic, partition.partition) for partition in partitions]


def listed(partitions: list[Partition]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for topic, number in partitions]
