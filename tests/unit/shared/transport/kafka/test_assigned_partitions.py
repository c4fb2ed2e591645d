"""Which fetched records are delivered, and when fetching pauses."""

import dataclasses

from msgspec.structs import replace

from shared.transport.kafka.assigned_partitions import (
    FETCHED,
    FETCHED_BYTES,
    FETCHED_OF_A_RUNG,
    WIDEST,
    AssignedPartitions,
    Claim,
    End,
    Record,
)
from shared.transport.kafka.retention_gaps import Gaps
from shared.transport.message import Message
from tests.unit.shared.transport.kafka.test_offset_tracker import MESSAGE, a_record

MAIN, OTHER, RUNG = ("events", 0), ("events", 1), ("retry", 0)


def assigned(*partitions: tuple[str, int]) -> AssignedPartitions:
    made = AssignedPartitions({"events": 0.0, "retry": 5.0})
    made.assign(partitions)
    return made


def offsets(claims: list[Claim]) -> list[tuple[str, int, int]]:
    return [(*claim.record.partition, claim.record.offset) for claim in claims]


def finish_all(claims: list[Claim]) -> None:
    for claim in claims:
        claim.tracker.finish(claim.record.offset)


def test_a_waiting_rung_blocks_nothing_else() -> None:
    group = assigned(RUNG, MAIN)
    group.offer(a_record(RUNG, 0, at=10.0), now=20.0)
    group.offer(a_record(MAIN, 0, at=11.0), now=20.0)
    assert offsets(group.take(10, now=11.0)) == [("events", 0, 0)]
    assert group.next_due() == 15.0
    assert not group.take(10, now=14.9)
    assert offsets(group.take(10, now=15.0)) == [("retry", 0, 0)]


def test_partitions_take_turns() -> None:
    group = assigned(MAIN, OTHER)
    for offset in range(3):
        group.offer(a_record(MAIN, offset), now=20.0)
        group.offer(a_record(OTHER, offset), now=20.0)
    taken = [offsets(group.take(1, now=0.0))[0][1] for _ in range(6)]
    assert taken == [0, 1, 0, 1, 0, 1]


def test_an_event_that_never_finishes_stops_its_partition_in_the_end() -> None:
    group = assigned(MAIN, OTHER)
    for offset in range(WIDEST + 10):
        group.offer(a_record(MAIN, offset), now=20.0)
    stuck, *others = group.take(WIDEST + 10, now=0.0)
    finish_all(others)
    assert len(others) == WIDEST - 1
    assert not group.take(1, now=0.0)
    group.offer(a_record(OTHER, 0), now=20.0)
    assert offsets(group.take(1, now=0.0)) == [("events", 1, 0)]
    finish_all([stuck])
    assert len(group.take(WIDEST, now=0.0)) == 10


def test_a_full_partition_is_paused_until_half_of_it_is_delivered() -> None:
    group = assigned(MAIN, OTHER)
    for offset in range(FETCHED + 1):
        group.offer(a_record(MAIN, offset), now=20.0)
    assert (group.to_pause(), group.to_resume()) == ([MAIN], [])
    assert (group.to_pause(), group.paused()) == ([], [MAIN])
    finish_all(group.take(FETCHED // 2, now=0.0))
    assert group.to_resume() == []
    finish_all(group.take(1, now=0.0))
    assert (group.to_resume(), group.paused()) == ([MAIN], [])


def test_a_partition_assigned_again_is_empty_and_not_paused() -> None:
    group = assigned(MAIN)
    for offset in range(FETCHED + 1):
        group.offer(a_record(MAIN, offset), now=20.0)
    group.to_pause()
    claims = group.take(2, now=0.0)
    group.drop([MAIN])
    group.assign([MAIN])
    assert (group.paused(), group.unfinished(), group.positions()) == ([], 0, {})
    assert not any(group.holds(claim) for claim in claims)
    assert not group.take(1, now=0.0)


def test_a_claim_from_before_a_rebalance_is_invalid() -> None:
    """Otherwise its handler's publishes would be duplicates."""
    group = assigned(MAIN)
    group.offer(a_record(MAIN, 0), now=20.0)
    (before,) = group.take(1, now=0.0)
    group.drop([MAIN])
    group.assign([MAIN])
    group.offer(a_record(MAIN, 0), now=20.0)
    (after,) = group.take(1, now=0.0)
    assert (group.holds(before), group.holds(after)) == (False, True)
    finish_all([before])
    assert (group.holds(after), group.positions()) == (True, {})
    finish_all([after])
    assert (group.holds(after), group.positions()) == (False, {MAIN: 1})


def test_a_rung_is_prefetched_less_than_the_events() -> None:
    group = assigned(MAIN, RUNG)
    for offset in range(FETCHED_OF_A_RUNG + 1):
        group.offer(a_record(MAIN, offset), now=20.0)
        group.offer(a_record(RUNG, offset), now=20.0)
    assert group.to_pause() == [RUNG]


def test_revoked_records_are_not_delivered_but_started_work_finishes() -> None:
    group = assigned(MAIN)
    group.offer(a_record(MAIN, 0), now=20.0)
    group.offer(a_record(MAIN, 1), now=20.0)
    (claim,) = group.take(1, now=0.0)
    group.discard_fetched([MAIN])
    assert not group.take(1, now=0.0)
    assert group.holds(claim)
    finish_all([claim])
    assert group.positions([MAIN]) == {MAIN: 1}


def test_a_transaction_marker_is_finished_with_the_record_before_it() -> None:
    group = assigned(MAIN, OTHER)
    group.offer(a_record(MAIN, 5), now=20.0)
    for end in (End(MAIN, 8), End(OTHER, 3), End(RUNG, 1)):
        group.reach(end)
    assert group.positions() == {OTHER: 3}
    claims = group.take(1, now=20.0)
    assert group.positions() == {OTHER: 3}
    finish_all(claims)
    assert group.positions() == {MAIN: 8, OTHER: 3}
    group.offer(a_record(MAIN, 9), now=20.0)
    assert group.positions() == {MAIN: 8, OTHER: 3}
    finish_all(group.take(1, now=20.0))
    assert group.positions() == {MAIN: 10, OTHER: 3}


def test_a_partition_end_does_not_finish_a_record_in_progress() -> None:
    group = assigned(MAIN)
    group.offer(a_record(MAIN, 5), now=20.0)
    claims = group.take(1, now=20.0)
    group.reach(End(MAIN, 6))
    assert (group.positions(), group.holds(claims[0])) == ({}, True)
    finish_all(claims)
    assert group.positions() == {MAIN: 6}


def test_an_end_followed_by_more_records_no_longer_counts() -> None:
    group = assigned(MAIN)
    group.offer(a_record(MAIN, 5), now=20.0)
    group.reach(End(MAIN, 8))
    group.offer(a_record(MAIN, 8), now=20.0)
    finish_all(group.take(1, now=20.0))
    assert group.positions() == {MAIN: 6}
    finish_all(group.take(1, now=20.0))
    assert group.positions() == {MAIN: 9}


def test_a_record_revoked_before_delivery_is_not_finished_by_an_end() -> None:
    group = assigned(MAIN)
    group.offer(a_record(MAIN, 5), now=20.0)
    group.reach(End(MAIN, 6))
    group.discard_fetched([MAIN])
    assert group.positions() == {}


def test_records_of_a_revoked_partition_are_ignored() -> None:
    group = assigned(MAIN)
    group.offer(a_record(OTHER, 0), now=20.0)
    assert not group.take(1, now=0.0)


def test_a_future_timestamp_does_not_lengthen_a_retrys_delay() -> None:
    group = assigned(MAIN, RUNG)
    group.offer(a_record(MAIN, 0, at=1000.0), now=20.0)
    group.offer(a_record(RUNG, 0, at=1000.0), now=20.0)
    assert offsets(group.take(10, now=20.0)) == [("events", 0, 0)]
    assert group.next_due() == 25.0
    assert offsets(group.take(10, now=25.0)) == [("retry", 0, 0)]


def test_large_messages_pause_a_partition_sooner() -> None:
    group = assigned(MAIN)
    half = replace(MESSAGE, body=b"x" * (FETCHED_BYTES // 2))
    for offset in range(3):
        group.offer(replace_message(a_record(MAIN, offset), half), now=20.0)
    assert group.to_pause() == [MAIN]
    group.take(1, now=20.0)
    assert group.to_resume() == []
    group.take(1, now=20.0)
    assert group.to_resume() == [MAIN]


def test_revoked_records_do_not_count_as_fetched() -> None:
    group = assigned(MAIN)
    large = replace(MESSAGE, body=b"x" * (FETCHED_BYTES + 1))
    group.offer(replace_message(a_record(MAIN, 0), large), now=20.0)
    group.discard_fetched([MAIN])
    assert group.to_pause() == []


def replace_message(record: Record, message: Message) -> Record:
    return dataclasses.replace(record, message=message)


def test_offsets_missing_between_two_records_are_counted() -> None:
    gaps = Gaps()
    gaps.begin({MAIN: 5})
    read = [(MAIN, 12), (MAIN, 13), (OTHER, 7), (OTHER, 9)]
    assert [gaps.before(a_record(*each)) for each in read] == [7, 0, 0, 1]
    gaps.begin({MAIN: 12})
    assert gaps.before(a_record(MAIN, 12)) == 0


def test_a_record_fetched_again_is_not_a_gap() -> None:
    gaps = Gaps()
    assert [gaps.before(a_record(MAIN, offset)) for offset in (5, 6, 3, 4, 6)] == [0, 0, 0, 0, 1]


def test_the_position_at_revocation_does_not_count_after_reassignment() -> None:
    gaps = Gaps()
    gaps.begin({MAIN: 5, OTHER: 5})
    gaps.end([MAIN])
    assert [gaps.before(a_record(MAIN, 9)), gaps.before(a_record(OTHER, 9))] == [0, 4]
