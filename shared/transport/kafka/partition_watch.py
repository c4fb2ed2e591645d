"""Detects events that were deleted unread, and assigned partitions that deliver nothing.

Used by one thread, except for `problem`.
"""

import time
from collections.abc import Sequence
from contextlib import suppress

import structlog
from confluent_kafka import Consumer, KafkaException

from shared.transport.kafka.address import REQUEST_TIMEOUT
from shared.transport.kafka.assigned_partitions import End, Partition, Record
from shared.transport.kafka.retention_gaps import Gaps
from shared.transport.kafka.silent_partitions import Silence
from shared.transport.kafka.topic_partitions import begins_with, ends, known, listed

log = structlog.get_logger()


class PartitionWatch:
    def __init__(self, group: str, silence: float) -> None:
        """`silence`: seconds after which undelivered records are a problem."""
        self._group = group
        self._gaps = Gaps()
        self._silence = Silence(silence)
        #: The reason why a partition delivers nothing; empty if there is no problem.
        self.problem = ""

    def begin(self, consumer: Consumer, partitions: list[Partition]) -> None:
        """These partitions were just assigned."""
        with suppress(KafkaException):
            # Not essential: only used to detect deleted events.
            self._gaps.begin(known(consumer.committed(listed(partitions), REQUEST_TIMEOUT)))
        self._silence.begin(partitions, time.monotonic())

    def end(self, partitions: Sequence[Partition]) -> None:
        self._gaps.end(partitions)
        self._silence.end(partitions)

    def note(self, consumer: Consumer, arrived: Sequence[Record | End]) -> None:
        """These have arrived, in this order."""
        self._report_gaps(consumer, arrived)
        self._note_arrivals(arrived)

    def look(self, consumer: Consumer, paused: Sequence[Partition]) -> str:
        """Check at most one partition, since each check is a request to the broker.

        Returns the reason to leave the group, or "".
        """
        now = time.monotonic()
        stuck = ""
        if partition := self._silence.to_look(paused, now):
            if news := self._silence.looked(partition, ends(consumer, partition), now):
                log.error("partition.silent", group=self._group, reason=news)
            stuck = self._silence.stuck()
        self.problem = self._silence.problem()
        return stuck

    def _report_gaps(self, consumer: Consumer, arrived: Sequence[Record | End]) -> None:
        for each in arrived:
            if isinstance(each, End):
                self._gaps.begin({each.partition: each.offset})
            elif (missing := self._gaps.before(each)) and begins_with(consumer, each):
                topic, partition = each.partition
                log.error("events.gone", topic=topic, partition=partition, count=missing)

    def _note_arrivals(self, arrived: Sequence[Record | End]) -> None:
        expected = {
            each.partition: each.offset + (0 if isinstance(each, End) else 1) for each in arrived
        }
        for partition, offset in expected.items():
            self._silence.heard(partition, offset, time.monotonic())
