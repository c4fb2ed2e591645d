"""Reads the events topic up to its end when the reading began, without moving any offsets."""

import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from shared.errors import BrokerUnavailable, ContractError
from shared.events import parse_time
from shared.transport.archive import Offset, Point, Span, Stored
from shared.transport.kafka.address import REQUEST_TIMEOUT, KafkaAddress
from shared.transport.kafka.compacted_topic import SETTINGS
from shared.transport.kafka.reaching import reach
from shared.transport.kafka.wire import read, translated

BATCH = 500
TICK = 0.1
#: Seconds within which the next record, known to exist, has to arrive.
SILENCE = 30.0


class KafkaArchive:
    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._topic = address.layout.events()

    def read(self, span: Span) -> Generator[Stored, None, None]:
        """Read the span. If its start names a partition, only that partition is read."""
        with self._consumer() as consumer:
            ends = self._ends(consumer, span)
            starts = self._starts(consumer, span.start)
            open_ends = {p: end for p, end in ends.items() if p in starts and starts[p] < end}
            consumer.assign([TopicPartition(self._topic, p, starts[p]) for p in open_ends])
            yield from _records(consumer, open_ends)

    def since(self) -> datetime:
        """The earliest order time from which no event has been deleted."""
        with self._consumer() as consumer:
            bounds = self._bounds(consumer)
            ends = {p: high for p, (low, high) in bounds.items() if low < high}
            consumer.assign([TopicPartition(self._topic, p, bounds[p][0]) for p in ends])
            firsts = dict(_firsts(consumer, ends))
        now = datetime.now(UTC)
        # In a partition with deletions, other events of the oldest event's age may be missing.
        shortened = [firsts.get(p, now) for p, (low, _high) in bounds.items() if low > 0]
        return max(shortened) if shortened else min(firsts.values(), default=now)

    @contextmanager
    def _consumer(self) -> Iterator[Consumer]:
        reach(self._address)
        # Partitions are assigned manually: the group has no members and commits nothing.
        group = f"{self._address.layout.replays()}{uuid.uuid4()}"
        with translated():
            consumer = Consumer({**SETTINGS, **self._address.client, "group.id": group})
            try:
                yield consumer
            finally:
                consumer.close()

    def _bounds(self, consumer: Consumer) -> dict[int, tuple[int, int]]:
        """By partition: the oldest available offset, and the offset of the next record."""
        topics = consumer.list_topics(self._topic, timeout=REQUEST_TIMEOUT).topics
        if topics[self._topic].error is not None:
            raise BrokerUnavailable(f"Kafka: {self._topic}: {topics[self._topic].error}")
        return {
            p: consumer.get_watermark_offsets(TopicPartition(self._topic, p), REQUEST_TIMEOUT)
            for p in topics[self._topic].partitions
        }

    def _starts(self, consumer: Consumer, start: Point | None) -> dict[int, int]:
        oldest = {p: low for p, (low, _high) in self._bounds(consumer).items()}
        if start is None:
            return oldest
        found = self._offsets(consumer, start, oldest)
        return {p: max(offset, oldest[p]) for p, offset in found.items()}

    def _ends(self, consumer: Consumer, span: Span) -> dict[int, int]:
        newest = {p: high for p, (_low, high) in self._bounds(consumer).items()}
        if span.end is None:
            return newest
        asked = self._offsets(consumer, span.end, newest)
        return {p: min(high, asked.get(p, high)) for p, high in newest.items()}

    def _offsets(
        self, consumer: Consumer, point: Point, partitions: dict[int, int]
    ) -> dict[int, int]:
        """The offset of a point by partition, for the partition that it names or for all."""
        if isinstance(point, Offset):
            named = partitions if point.partition is None else {point.partition} & set(partitions)
            return dict.fromkeys(named, point.number)
        # Negative numbers have special meanings: the newest, the oldest.
        milliseconds = max(0, int(point.timestamp() * 1000))
        asked = [TopicPartition(self._topic, p, milliseconds) for p in partitions]
        found = consumer.offsets_for_times(asked, timeout=REQUEST_TIMEOUT)
        # Negative: the partition has no record that new.
        ends = {p: high for p, (_low, high) in self._bounds(consumer).items()}
        return {f.partition: f.offset if f.offset >= 0 else ends[f.partition] for f in found}


def _firsts(consumer: Consumer, ends: dict[int, int]) -> Iterator[tuple[int, datetime]]:
    """For each partition, the order time of its oldest readable event."""
    for stored in _records(consumer, ends):
        partition, offset = map(int, stored.position.split(":"))
        # Read no more of this partition.
        ends[partition] = offset + 1
        yield partition, _placed(stored)


def _placed(stored: Stored) -> datetime:
    """The order time: the event may have waited in the outbox for long before it was stored."""
    try:
        return min(parse_time(stored.message.time), stored.time)
    except ContractError:
        return stored.time


def _records(consumer: Consumer, ends: dict[int, int]) -> Iterator[Stored]:
    """Records before these offsets; removes a partition from `ends` when its end is reached."""
    silent = 0.0
    while ends:
        received = consumer.consume(BATCH, TICK)
        silent = 0.0 if received else silent + TICK
        if silent > SILENCE:
            raise BrokerUnavailable(f"Kafka: it delivered no stored record for {SILENCE:g} s")
        for each in received:
            yield from _stored(each, ends)


def _stored(
    received: "confluent_kafka.Message[bytes, bytes]", ends: dict[int, int]
) -> Iterator[Stored]:
    error = received.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    partition, offset = received.partition(), received.offset()
    assert partition is not None and offset is not None  # noqa: S101, PT018
    if partition not in ends:
        return
    if error is None and offset < ends[partition]:
        record, _headers = read(received, key=received.key())
        time = datetime.fromtimestamp(record.at, UTC)
        yield Stored(f"{partition}:{offset}", time, record.message)
    if error is not None or offset >= ends[partition] - 1:
        del ends[partition]
