"""Detects events that were deleted before their service had read them."""

from collections.abc import Iterable, Mapping

from shared.transport.kafka.assigned_partitions import Partition, Record


class Gaps:
    """Kafka deletes old events, read or not, and moves a consumer that arrives too late to the
    oldest remaining event without an error.
    """

    def __init__(self) -> None:
        self._next: dict[Partition, int] = {}

    def begin(self, positions: Mapping[Partition, int]) -> None:
        """`positions`: the group's next offsets in partitions that were just assigned."""
        self._next |= positions

    def end(self, partitions: Iterable[Partition]) -> None:
        """The partitions are no longer assigned: forget their positions."""
        for partition in partitions:
            self._next.pop(partition, None)

    def before(self, record: Record) -> int:
        """The number of offsets missing between the previous record and this one."""
        expected = self._next.get(record.partition, record.offset)
        self._next[record.partition] = record.offset + 1
        return max(0, record.offset - expected)
