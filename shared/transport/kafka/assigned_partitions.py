"""Per partition: records fetched but not delivered, and records in progress. No Kafka client."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from shared.transport.kafka.offset_tracker import OffsetTracker
from shared.transport.message import Message

#: A topic and the number of one of its partitions.
Partition = tuple[str, int]

#: A partition with this many fetched messages is paused until half of them are delivered.
FETCHED = 1000
#: The same on a rung, where messages only wait: fetching more of them speeds up nothing.
FETCHED_OF_A_RUNG = 100
#: The same in bytes, for large messages: there are about forty partitions.
FETCHED_BYTES = 1024 * 1024
#: One event that never ends blocks the offset of its partition. After this many others the
#: partition waits for it, since all of them would be redelivered after a crash.
WIDEST = 2000


class Origin(NamedTuple):
    """The position at which a message was first read, before any retry."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Record:
    """A message and its current position; `at` is when it was written there, in seconds."""

    message: Message
    partition: Partition
    offset: int
    at: float
    origin: Origin


class End(NamedTuple):
    """The end of a partition: all readable records before this offset have arrived."""

    partition: Partition
    offset: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A record in progress, valid while its partition stays assigned."""

    record: Record
    tracker: OffsetTracker


class AssignedPartition:
    """One assigned partition. `delay`: seconds that a record has to wait (its rung)."""

    def __init__(self, delay: float) -> None:
        self.tracker = OffsetTracker()
        #: Each with the time from which it may be delivered.
        self.fetched: deque[tuple[float, Record]] = deque()
        self.is_paused = False
        #: The end of the partition, while records before it are still waiting here.
        self._end: int | None = None
        self._bytes = 0
        self._delay = delay
        self._limit = FETCHED_OF_A_RUNG if delay else FETCHED

    def due_at(self) -> float | None:
        """When the next record may be delivered; None if there is none to deliver.

        All records of a rung have the same delay, so the first is always the next.
        """
        if not self.fetched or self.tracker.width >= WIDEST:
            return None
        return self.fetched[0][0]

    def offer(self, record: Record, now: float) -> None:
        # The writer's clock may be ahead of ours: a record that arrived now is due after its delay
        # at the latest, and at once if it has none.
        due = min(record.at, now) + self._delay if self._delay else 0.0
        self.fetched.append((due, record))
        self._end = None
        self._bytes += len(record.message.body)

    def reach(self, end: int) -> None:
        """Pass over the offsets up to the end, once all records are taken: transaction markers
        occupy offsets too, also after the last record, and no delivery would ever finish them.
        """
        self._end = end
        self._pass_over_the_rest()

    def _pass_over_the_rest(self) -> None:
        if self._end is not None and not self.fetched:
            self.tracker.pass_over(self._end - 1)
            self._end = None

    def discard_fetched(self) -> None:
        self.fetched.clear()
        self._bytes = 0
        self._end = None

    def take(self) -> Claim:
        _due, record = self.fetched.popleft()
        self._bytes -= len(record.message.body)
        self.tracker.take(record.offset)
        self._pass_over_the_rest()
        return Claim(record, self.tracker)

    def wants_pause(self) -> bool:
        """Whether fetching should be paused. Between full and half full, the state is kept."""
        part = 2 if self.is_paused else 1
        return len(self.fetched) > self._limit // part or self._bytes > FETCHED_BYTES // part


class AssignedPartitions:
    """All assigned partitions. Not thread-safe: the owner has to lock."""

    def __init__(self, delays: Mapping[str, float]) -> None:
        self._delays = delays
        self._assigned: dict[Partition, AssignedPartition] = {}

    def assign(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            self._assigned[partition] = AssignedPartition(self._delays[partition[0]])

    def drop(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            self._assigned.pop(partition, None)

    def discard_fetched(self, partitions: Iterable[Partition]) -> None:
        """Deliver no more records of these partitions: another consumer will."""
        for one in self._of(partitions):
            one.discard_fetched()

    def offer(self, record: Record, now: float) -> None:
        """Add a record that has arrived at `now`."""
        if one := self._assigned.get(record.partition):
            one.offer(record, now)

    def reach(self, end: End) -> None:
        """All records before this end have been offered."""
        if one := self._assigned.get(end.partition):
            one.reach(end.offset)

    def take(self, limit: int, now: float) -> list[Claim]:
        """Take up to `limit` due records, from one partition after the other."""
        taken: list[Claim] = []
        for partition, one in list(self._assigned.items()):
            while len(taken) < limit and _is_due(one, now):
                taken.append(one.take())
            if len(taken) == limit:
                # The next call starts after this partition, so that none starves.
                self._assigned[partition] = self._assigned.pop(partition)
                break
        return taken

    def next_due(self) -> float | None:
        times = [at for one in self._assigned.values() if (at := one.due_at()) is not None]
        return min(times, default=None)

    def holds(self, claim: Claim) -> bool:
        """Whether the record is in progress, and its partition was never reassigned since."""
        one = self._assigned.get(claim.record.partition)
        return bool(
            one and one.tracker is claim.tracker and claim.tracker.holds(claim.record.offset)
        )

    def unfinished(self, partitions: Collection[Partition] | None = None) -> int:
        """The number of records in progress, in these partitions or in all."""
        return sum(one.tracker.unfinished for one in self._of(partitions))

    def positions(self, partitions: Collection[Partition] | None = None) -> dict[Partition, int]:
        """The offsets to commit, for partitions with finished records."""
        chosen = self._assigned if partitions is None else partitions
        return {
            partition: position
            for partition in chosen
            if (one := self._assigned.get(partition))
            and (position := one.tracker.position) is not None
        }

    def to_pause(self) -> list[Partition]:
        return self._switch(is_paused=False)

    def to_resume(self) -> list[Partition]:
        return self._switch(is_paused=True)

    def paused(self) -> list[Partition]:
        return [partition for partition, one in self._assigned.items() if one.is_paused]

    def _switch(self, *, is_paused: bool) -> list[Partition]:
        """Pause or resume the partitions that need it, and return them."""
        found = [
            partition
            for partition, one in self._assigned.items()
            if one.is_paused is is_paused and one.wants_pause() is not is_paused
        ]
        for partition in found:
            self._assigned[partition].is_paused = not is_paused
        return found

    def _of(
        self, partitions: Collection[Partition] | Iterable[Partition] | None
    ) -> Iterator[AssignedPartition]:
        chosen = self._assigned if partitions is None else partitions
        return (self._assigned[partition] for partition in chosen if partition in self._assigned)


def _is_due(one: AssignedPartition, now: float) -> bool:
    at = one.due_at()
    return at is not None and at <= now
