"""A compacted topic of one partition, read as the table that it is."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from shared.errors import BrokerUnavailable, QueuesMissing
from shared.transport.kafka_address import REQUEST_TIMEOUT, Address, reach
from shared.transport.kafka_wire import Reasons, translated

#: How long somebody who wants to change a table waits for another who does.
PATIENCE = 30.0
TICK = 0.1

Rows = dict[bytes, "confluent_kafka.Message[bytes, bytes]"]

SETTINGS: Mapping[str, Any] = {
    "group.protocol": "consumer",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "enable.partition.eof": True,
    # The end is known when a fetch finds nothing more, and so long that waits for something.
    "fetch.wait.max.ms": 10,
}


def look(address: Address, topic: str) -> Rows:
    """The rows that there are now, the oldest first. Raises BrokerUnavailable."""
    with _consumer(address, topic) as consumer:
        # Finding out by reading that there is nothing takes half a second.
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), REQUEST_TIMEOUT)
        if low == high:
            return {}
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        return _read(consumer, time.monotonic() + PATIENCE)


@contextmanager
def changing(address: Address, topic: str) -> Iterator[Rows]:
    """The rows, while nobody else is in here for the same topic.

    Kafka gives the one partition to one member of a group at a time, and when that one dies, to
    the next. No more is needed for a lock.
    """
    with _consumer(address, topic) as consumer:
        consumer.subscribe([topic], on_assign=_from_the_beginning)
        yield _read(consumer, time.monotonic() + PATIENCE)


def _from_the_beginning(consumer: Consumer, partitions: list[TopicPartition]) -> None:
    for partition in partitions:
        partition.offset = OFFSET_BEGINNING
    consumer.incremental_assign(partitions)


def _read(consumer: Consumer, deadline: float) -> Rows:
    rows: Rows = {}
    while time.monotonic() < deadline:
        received = consumer.poll(TICK)
        if received is None:
            continue
        if error := received.error():
            if error.code() == KafkaError._PARTITION_EOF:
                return rows
            raise KafkaException(error)
        _apply(rows, received)
    raise BrokerUnavailable("Kafka: somebody else is changing it, or it took too long to read")


def _apply(rows: Rows, received: "confluent_kafka.Message[bytes, bytes]") -> None:
    key = received.key() or b""
    # What is written again is the newest; what has no body is gone.
    rows.pop(key, None)
    if received.value() is not None:
        rows[key] = received


@contextmanager
def _consumer(address: Address, topic: str) -> Iterator[Consumer]:
    """Inside, the library's errors become BrokerUnavailable."""
    reach(address.servers)
    reasons = Reasons()
    with translated(reasons):
        settings = {**SETTINGS, **address.client, "group.id": topic, "error_cb": reasons}
        consumer = Consumer(settings)
        try:
            _expect(consumer, topic)
            yield consumer
        finally:
            consumer.close()


def _expect(consumer: Consumer, topic: str) -> None:
    try:
        found = consumer.list_topics(topic, timeout=REQUEST_TIMEOUT).topics[topic]
    except KafkaException:
        # Only with this are the callbacks called, which say why.
        consumer.poll(0)
        raise
    if found.error is not None:
        raise QueuesMissing([topic], {})
