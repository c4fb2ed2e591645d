"""Detects assigned, unpaused partitions that deliver nothing although they have more records.

Pure logic, no Kafka client: the polling thread reports arrivals and the ends of partitions.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.transport.kafka.assigned_partitions import Partition

#: Seconds after which undelivered records are a problem.
SILENCE = 20.0
#: After this many times SILENCE, the consumer leaves and rejoins, which helps like a restart.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Ends:
    """The end of a partition: for readers, and including records after an open transaction."""

    readable: int
    written: int


@dataclass(slots=True)
class _Watched:
    look_at: float
    #: The offset of the next record. 0 before any record or end of the partition has arrived.
    expected: int = 0
    lagging_since: float | None = None
    problem: str = ""
    is_stuck: bool = False


class Silence:
    def __init__(self, seconds: float = SILENCE) -> None:
        self._seconds = seconds
        self._watched: dict[Partition, _Watched] = {}

    def begin(self, partitions: Iterable[Partition], now: float) -> None:
        for partition in partitions:
            self._watched[partition] = _Watched(self._next_look(now))

    def end(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            self._watched.pop(partition, None)

    def heard(self, partition: Partition, expected: int, now: float) -> None:
        """A record or an end has arrived; the next record has the offset `expected`."""
        if partition in self._watched:
            self._watched[partition] = _Watched(self._next_look(now), expected)

    def to_look(self, paused: Collection[Partition], now: float) -> Partition | None:
        """The partition whose end should be queried next, if any is due."""
        for partition in paused:
            # Paused partitions deliver nothing, and once resumed they need a moment.
            self.heard(partition, self._watched[partition].expected, now)
        due = [partition for partition, it in self._watched.items() if it.look_at <= now]
        return min(due, key=lambda partition: self._watched[partition].look_at, default=None)

    def looked(self, partition: Partition, ends: Ends | None, now: float) -> str:
        """Returns a problem if it is new, or "". `ends` is None if the query had no response."""
        it = self._watched[partition]
        it.look_at = self._next_look(now)
        reported = it.problem
        if ends is not None:
            self._judge(partition, it, ends, now)
        return "" if reported else it.problem

    def problem(self) -> str:
        return next((it.problem for it in self._watched.values() if it.problem), "")

    def stuck(self) -> str:
        """The problem for which to leave the group, or ""."""
        return next((it.problem for it in self._watched.values() if it.is_stuck), "")

    def _judge(self, partition: Partition, it: _Watched, ends: Ends, now: float) -> None:
        if ends.written <= it.expected:
            it.lagging_since, it.problem, it.is_stuck = None, "", False
            return
        # Counted from now: the record may have been written a moment ago.
        it.lagging_since = now if it.lagging_since is None else it.lagging_since
        seconds = now - it.lagging_since
        if seconds >= self._seconds:
            is_hidden = ends.readable <= it.expected
            why = "a transaction is open" if is_hidden else "the broker does not deliver them"
            it.problem = (
                f"partition {partition[1]} of {partition[0]} has delivered nothing for "
                f"{seconds:.0f} s, although {ends.written - it.expected} offsets are waiting: {why}"
            )
            it.is_stuck = not is_hidden and seconds >= PATIENCE * self._seconds

    def _next_look(self, now: float) -> float:
        return now + self._seconds / 2
