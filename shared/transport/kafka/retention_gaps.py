"""Notices events that were deleted before their service had read them."""

from collections.abc import Iterable, Mapping

from shared.transport.kafka.assigned_partitions import Partition, Record


class Gaps:
    """Kafka deletes what is too old, read or not, and a consumer that comes after that is taken
    to what is left without a word.
    """

    def __init__(self) -> None:
        self._next: dict[Partition, int] = {}

    def begin(self, positions: Mapping[Partition, int]) -> None:
        """Where the group goes on in partitions that were assigned just now."""
        self._next |= positions

    def end(self, partitions: Iterable[Partition]) -> None:
        """They are gone: where the group goes on in them is no longer known here."""
        for partition in partitions:
            self._next.pop(partition, None)

    def before(self, record: Record) -> int:
        """How many offsets are missing between the record before and this one."""
        expected = self._next.get(record.partition, record.offset)
        self._next[record.partition] = record.offset + 1
        return max(0, record.offset - expected)
