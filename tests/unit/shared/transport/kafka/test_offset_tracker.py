"""No offset is ever committed past an unfinished event, in any sequence of operations."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.transport.kafka.assigned_partitions import (
    AssignedPartitions,
    Claim,
    End,
    Origin,
    Partition,
    Record,
)
from shared.transport.kafka.offset_tracker import OffsetTracker
from shared.transport.message import Message

PARTITIONS: list[Partition] = [("events", 0), ("events", 1), ("retry", 0)]
#: The rung's delay between writing and delivery.
DELAY = 5.0
MESSAGE = Message(id="evt-1", type="order.placed", source="", time="", key="", body=b"")


def a_record(partition: Partition, offset: int, at: float = 0.0) -> Record:
    return Record(MESSAGE, partition, offset, at, Origin(*partition, offset))


class Group(RuleBasedStateMachine):
    """A model of a consumer group at its broker, with one member at a time.

    A partition is a list of offsets, with gaps from compaction and transactions, also behind the
    last record. The model tracks independently which records have finished, and from which offset
    the group would continue.
    """

    def __init__(self) -> None:
        super().__init__()
        self.assigned = AssignedPartitions({"events": 0.0, "retry": DELAY})
        self.logs = {partition: [0] for partition in PARTITIONS}
        self.ends = dict.fromkeys(PARTITIONS, 1)
        self.committed = dict.fromkeys(PARTITIONS, 0)
        self.ended: set[tuple[Partition, int]] = set()
        #: For each assigned partition: the next offsets to fetch and to take.
        self.to_fetch: dict[Partition, int] = {}
        self.to_take: dict[Partition, int] = {}
        #: Of this and all earlier assignments: handlers do not know that they are late.
        self.claims: list[Claim] = []
        self.now = 0.0

    partitions = st.sampled_from(PARTITIONS)

    @rule(partition=partitions, gap=st.integers(1, 3))
    def publish(self, partition: Partition, gap: int) -> None:
        self.logs[partition].append(self.ends[partition] + gap - 1)
        self.ends[partition] += gap

    @rule(partition=partitions, markers=st.integers(0, 2))
    def reach_the_end(self, partition: Partition, markers: int) -> None:
        """Reach the end of a partition, possibly behind a transaction marker."""
        self.ends[partition] += markers
        if self.to_fetch.get(partition) == len(self.logs[partition]):
            self.assigned.reach(End(partition, self.ends[partition]))

    @rule(partition=partitions, number=st.integers(1, 5))
    def fetch(self, partition: Partition, number: int) -> None:
        """Fetch a record, after assigning its partition if necessary."""
        if partition not in self.to_fetch:
            self._assign(partition)
        begin = self.to_fetch[partition]
        for offset in self.logs[partition][begin : begin + number]:
            self.assigned.offer(a_record(partition, offset), self.now)
            self.to_fetch[partition] += 1

    @rule(limit=st.integers(1, 4))
    def take(self, limit: int) -> None:
        for claim in self.assigned.take(limit, self.now):
            record = claim.record
            expected = self.logs[record.partition][self.to_take[record.partition]]
            assert record.offset == expected, "a record was skipped or delivered twice"
            self.to_take[record.partition] += 1
            self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Finish a record, in any order. Late ones are refused and change nothing."""
        claim = data.draw(st.sampled_from(self.claims))
        self.claims.remove(claim)
        if self.assigned.holds(claim):
            self.ended.add((claim.record.partition, claim.record.offset))
        claim.tracker.finish(claim.record.offset)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def fail_to_settle(self, data: st.DataObject) -> None:
        """A retry that cannot be published, or a handler that hangs: the record never finishes."""
        self.claims.remove(data.draw(st.sampled_from(self.claims)))

    @rule()
    def commit(self) -> None:
        self._commit(self.assigned.positions())

    @rule(partition=partitions, how=st.sampled_from(["revoked", "lost", "crashed"]))
    def leave(self, partition: Partition, how: str) -> None:
        """One rule for three ways, so that most records are taken before they are revoked."""
        if how == "revoked":
            self.assigned.discard_fetched([partition])
            self._commit(self.assigned.positions([partition]))
        for gone in PARTITIONS if how == "crashed" else [partition]:
            self._drop(gone)

    @rule()
    def time_passes(self) -> None:
        self.now += DELAY

    @invariant()
    def nothing_is_committed_past_unfinished_work(self) -> None:
        for partition, position in self.committed.items():
            before = [offset for offset in self.logs[partition] if offset < position]
            assert all((partition, offset) in self.ended for offset in before)

    @invariant()
    def what_could_be_committed_is_not_past_unfinished_work_either(self) -> None:
        for partition, position in self.assigned.positions().items():
            before = [offset for offset in self.logs[partition] if offset < position]
            assert all((partition, offset) in self.ended for offset in before)

    @invariant()
    def positions_never_go_back(self) -> None:
        positions = self.assigned.positions()
        assert all(self.committed[partition] <= at for partition, at in positions.items())

    @invariant()
    def nothing_of_a_rung_is_taken_before_it_is_due(self) -> None:
        rungs = [claim.record for claim in self.claims if claim.record.partition[0] == "retry"]
        assert all(record.at + DELAY <= self.now for record in rungs)

    def _assign(self, partition: Partition) -> None:
        self.assigned.assign([partition])
        self.to_fetch[partition] = self.to_take[partition] = self._next(
            partition, self.committed[partition]
        )

    def _commit(self, positions: dict[Partition, int]) -> None:
        self.committed |= positions

    def _drop(self, partition: Partition) -> None:
        self.assigned.drop([partition])
        self.to_fetch.pop(partition, None)
        self.to_take.pop(partition, None)

    def _next(self, partition: Partition, position: int) -> int:
        """The index of the first record at or after an offset."""
        return sum(offset < position for offset in self.logs[partition])


def test_no_sequence_commits_an_offset_past_an_unfinished_event() -> None:
    run_state_machine_as_test(
        Group, settings=settings(max_examples=300, stateful_step_count=60, deadline=None)
    )


def test_records_finished_out_of_order_count_once_the_gap_is_closed() -> None:
    tracker = OffsetTracker()
    for offset in (3, 4, 7):
        tracker.take(offset)
    tracker.finish(7)
    tracker.finish(4)
    assert (tracker.position, tracker.unfinished, tracker.width) == (None, 1, 3)
    tracker.finish(3)
    assert (tracker.position, tracker.unfinished, tracker.width) == (8, 0, 0)


def test_finishing_an_event_twice_changes_nothing() -> None:
    tracker = OffsetTracker()
    tracker.take(0)
    tracker.take(1)
    tracker.finish(0)
    tracker.finish(0)
    assert (tracker.position, tracker.unfinished) == (1, 1)
