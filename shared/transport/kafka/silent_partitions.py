"""Notices partitions that are ours and not paused, and of which nothing comes although more is
there. No Kafka in here: the thread that polls says what came, and where a partition ends.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.transport.kafka.assigned_partitions import Partition

#: Seconds for which nothing may come of what is known to be there.
SILENCE = 20.0
#: After so many times as long, the consumer leaves and joins anew: that ends what a restart ends.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a partition ends: for its readers, and with what lies behind an open transaction."""

    readable: int
    written: int


@dataclass(slots=True)
class _Watched:
    look_at: float
    #: The offset of what comes next. 0 before anything came, even the news that nothing is there.
    expected: int = 0
    lagging_since: float | None = None
    trouble: str = ""
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
        """Something came; what comes next has the offset `expected`."""
        if partition in self._watched:
            self._watched[partition] = _Watched(self._next_look(now), expected)

    def to_look(self, paused: Collection[Partition], now: float) -> Partition | None:
        """The partition of which it should be found out where it ends, if there is any."""
        for partition in paused:
            # Of these nothing is to come, and once they are resumed it takes a moment.
            self.heard(partition, self._watched[partition].expected, now)
        due = [partition for partition, it in self._watched.items() if it.look_at <= now]
        return min(due, key=lambda partition: self._watched[partition].look_at, default=None)

    def looked(self, partition: Partition, ends: Ends | None, now: float) -> str:
        """Returns what is new to be told, or nothing. `ends` is None when nobody answered."""
        it = self._watched[partition]
        it.look_at = self._next_look(now)
        told = it.trouble
        if ends is not None:
            self._judge(partition, it, ends, now)
        return "" if told else it.trouble

    def trouble(self) -> str:
        return next((it.trouble for it in self._watched.values() if it.trouble), "")

    def stuck(self) -> str:
        """What is worth to leave the group for."""
        return next((it.trouble for it in self._watched.values() if it.is_stuck), "")

    def _judge(self, partition: Partition, it: _Watched, ends: Ends, now: float) -> None:
        if ends.written <= it.expected:
            it.lagging_since, it.trouble, it.is_stuck = None, "", False
            return
        # Only from now on it is overdue: it may have been written a moment ago.
        it.lagging_since = now if it.lagging_since is None else it.lagging_since
        seconds = now - it.lagging_since
        if seconds >= self._seconds:
            is_hidden = ends.readable <= it.expected
            why = "a transaction is open" if is_hidden else "the broker does not deliver them"
            it.trouble = (
                f"nothing has come from partition {partition[1]} of {partition[0]} for "
                f"{seconds:.0f} s, although {ends.written - it.expected} offsets wait: {why}"
            )
            it.is_stuck = not is_hidden and seconds >= PATIENCE * self._seconds

    def _next_look(self, now: float) -> float:
        return now + self._seconds / 2
