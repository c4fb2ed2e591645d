"""A compacted topic of one partition, read as the table that it is.

Which of its records are rows is known when all have been read; then the rows are read again. So
however many there are, only few are in memory.
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

#: How long somebody who wants to change a table waits for another who does, and anybody for the
#: next record.
PATIENCE = 30.0
TICK = 0.1

#: Where the row of each key is. In an unnamed file, which SQLite makes where temporary files go.
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
    # The end is known when a fetch finds nothing more, and so long that waits for something.
    "fetch.wait.max.ms": 10,
}


class Rows:
    """The rows that there were when they were counted, the oldest first."""

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
        # What is written again is the newest; what has no body is gone.
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
    """The rows that there are now. Raises BrokerUnavailable."""
    with _consumer(address, topic) as consumer, closing(Rows(consumer, topic)) as rows:
        # Finding out by reading that there is nothing takes half a second.
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), REQUEST_TIMEOUT)
        if low < high:
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            rows.find()
        yield rows


@contextmanager
def changing(address: KafkaAddress, topic: str) -> Iterator[Rows]:
    """The rows, while nobody else is in here for the same topic.

    Kafka gives the one partition to one member of a group at a time, and when that one dies, to
    the next. No more is needed for a lock.
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
    """All records up to the end. Raises BrokerUnavailable when none comes for PATIENCE."""
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
    raise BrokerUnavailable("Kafka: somebody else is changing it, or it took too long to read")


@contextmanager
def _consumer(address: KafkaAddress, topic: str) -> Iterator[Consumer]:
    """Inside, the library's errors become BrokerUnavailable."""
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
        # Only with this are the callbacks called, which say why.
        consumer.poll(0)
        raise
    if found.error is not None:
        raise QueuesMissing([topic], {})
