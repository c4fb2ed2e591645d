"""Reads a compacted topic with one partition as a table.

It reads the topic twice: once to find the newest record of each key, and again to read these rows.
So only a few rows are in memory, however many there are.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from shared.errors import BrokerUnavailable, QueuesMissing
from shared.transport.kafka.address import REQUEST_TIMEOUT, KafkaAddress
from shared.transport.kafka.reaching import reach
from shared.transport.kafka.wire import Reasons, translated

#: Seconds for which `changing` waits for another process to finish, and for the next record.
PATIENCE = 30.0
TICK = 0.1

#: The offset of each key's row, in an unnamed temporary file of SQLite.
_INDEX = """
    PRAGMA journal_mode = OFF;
    PRAGMA cache_size = -2000;
    CREATE TABLE rows (key BLOB PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
"""

SETTINGS: Mapping[str, Any] = {
    "group.protocol": "consumer",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "enable.partition.eof": True,
    # The end is detected when a fetch returns nothing; this is how long that fetch waits.
    "fetch.wait.max.ms": 10,
}


class Rows:
    """The rows found by `find`, oldest first."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer = consumer
        self._begin = TopicPartition(topic, 0, OFFSET_BEGINNING)
        self._index = sqlite3.connect("")
        self._index.executescript(_INDEX)

    def find(self) -> None:
        """Read the topic once, to its end. Raises BrokerUnavailable."""
        for record in _records(self._consumer):
            self._note(record)

    def _note(self, record: "confluent_kafka.Message[bytes, bytes]") -> None:
        key = record.key() or b""
        # A repeated key replaces the row; a record without a body deletes it.
        if record.value() is None:
            self._index.execute("DELETE FROM rows WHERE key = ?", (key,))
        else:
            self._index.execute("REPLACE INTO rows VALUES (?, ?)", (key, record.offset()))

    def __len__(self) -> int:
        return int(self._index.execute("SELECT count(*) FROM rows").fetchone()[0])

    def __iter__(self) -> "Iterator[confluent_kafka.Message[bytes, bytes]]":
        [last] = self._index.execute("SELECT max(place) FROM rows").fetchone()
        if last is None:
            return
        self._consumer.seek(self._begin)
        for record in _records(self._consumer):
            offset = record.offset() or 0
            if self._place(record.key() or b"") == offset:
                yield record
            if offset >= last:
                return

    def _place(self, key: bytes) -> int | None:
        found = self._index.execute("SELECT place FROM rows WHERE key = ?", (key,)).fetchone()
        return None if found is None else int(found[0])

    def close(self) -> None:
        self._index.close()


@contextmanager
def looking(address: KafkaAddress, topic: str) -> Iterator[Rows]:
    """The current rows. Raises BrokerUnavailable."""
    with _consumer(address, topic) as consumer, closing(Rows(consumer, topic)) as rows:
        # Reading an empty topic would take half a second.
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), REQUEST_TIMEOUT)
        if low < high:
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            rows.find()
        yield rows


@contextmanager
def changing(address: KafkaAddress, topic: str) -> Iterator[Rows]:
    """The current rows, under a lock for this topic. Raises BrokerUnavailable.

    The lock is a consumer group: Kafka assigns the only partition to one member at a time, and if
    that member crashes, to the next.
    """
    with _consumer(address, topic) as consumer, closing(Rows(consumer, topic)) as rows:
        consumer.subscribe([topic], on_assign=_from_the_beginning)
        rows.find()
        yield rows


def _from_the_beginning(consumer: Consumer, partitions: list[TopicPartition]) -> None:
    for partition in partitions:
        partition.offset = OFFSET_BEGINNING
    consumer.incremental_assign(partitions)


def _records(consumer: Consumer) -> "Iterator[confluent_kafka.Message[bytes, bytes]]":
    """All records up to the end. Raises BrokerUnavailable if none arrives for PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        received = consumer.poll(TICK)
        if received is None:
            continue
        if error := received.error():
            if error.code() == KafkaError._PARTITION_EOF:
                return
            raise KafkaException(error)
        yield received
        deadline = time.monotonic() + PATIENCE
    raise BrokerUnavailable("Kafka: another process is changing it, or reading took too long")


@contextmanager
def _consumer(address: KafkaAddress, topic: str) -> Iterator[Consumer]:
    """A consumer; the library's errors inside become BrokerUnavailable."""
    reach(address)
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
        # Calls the error callback, which records the reason.
        consumer.poll(0)
        raise
    if found.error is None:
        return
    if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise QueuesMissing([topic], {})
    raise KafkaException(found.error)
