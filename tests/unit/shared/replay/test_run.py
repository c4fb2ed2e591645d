"""One replay from start to end, with possible failures."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from shared.errors import BrokerUnavailable, DatabaseUnavailable, DependencyUnavailable
from shared.events import Event
from shared.replay.patience import PATIENCE
from shared.replay.run import ReplayRun, Stopped, waiting_on
from shared.replay.shapes import FAILURES_NAMED
from shared.replay.tally import Done, Tally
from shared.transport import Message, Stored
from tests.builders import a_message

AT = datetime(2026, 3, 4, tzinfo=UTC)


class FakeApplier:
    """Applies each event once; an entry of `fates` replaces one call of `apply`."""

    does = "applies what comes"

    def __init__(self, *fates: Callable[[Sequence[Event]], Done], batch: int = 3) -> None:
        self.batch = batch
        self.applied: list[str] = []
        self.batches: list[int] = []
        self._fates = list(fates)

    def look(self, events: Sequence[Event]) -> Done:
        ids = frozenset(event.id for event in events)
        return Done(applied=ids - set(self.applied), already=ids & set(self.applied))

    def apply(self, events: Sequence[Event]) -> Done:
        self.batches.append(len(events))
        if self._fates:
            return self._fates.pop(0)(events)
        done = self.look(events)
        self.applied += done.applied
        return done


class Waiting:
    """Does not wait; requests a stop after `stop_after` waits, if given."""

    def __init__(self, stop_after: int = 10_000) -> None:
        self.waits: list[float] = []
        self._stop_after = stop_after

    def __call__(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return len(self.waits) > self._stop_after


def stored(*messages: Message) -> list[Stored]:
    return [Stored(str(number), AT, message) for number, message in enumerate(messages)]


def replayed(
    applier: FakeApplier,
    events: list[Stored],
    *,
    wait: Waiting | None = None,
    dry_run: bool = False,
) -> Tally:
    tally = Tally()
    ReplayRun(applier, tally, dry_run=dry_run, wait=wait or Waiting()).all_of(events)
    return tally


def outage(_events: Sequence[Event]) -> Done:
    return Done(unavailable="the mail server is unavailable")


def test_all_events_are_applied_in_batches_and_counted() -> None:
    applier = FakeApplier()
    tally = replayed(applier, stored(*[a_message() for _ in range(8)]))
    assert (tally.seen, tally.applied, tally.position) == (8, 8, "7")
    assert applier.batches == [3, 3, 2]


def test_a_duplicate_is_applied_once_and_counted_twice() -> None:
    one, other = a_message(), a_message()
    applier = FakeApplier()
    tally = replayed(applier, stored(one, one, other, one))
    assert (tally.seen, tally.applied, tally.already_applied) == (4, 2, 2)
    assert sorted(applier.applied) == sorted([one.id, other.id])


def test_invalid_and_foreign_events_are_counted_and_block_nothing() -> None:
    garbage = Message(id="", type="", source="", time="", key="", body=b"\xff\0")
    odd_id = replace(garbage, id="\0 odd \ud800", type="order.placed")
    foreign = a_message(type="order.shipped")
    tally = replayed(FakeApplier(), stored(garbage, foreign, a_message(), odd_id))
    assert (tally.seen, tally.failed, tally.ignored, tally.applied) == (4, 2, 1, 1)
    assert [failure.position for failure in tally.failures] == ["0", "3"]
    assert "missing" in tally.failures[0].reason
    assert all(text.isascii() and "\0" not in text for text in astuple(tally.failures[1]))


def test_a_dry_run_applies_nothing() -> None:
    applier = FakeApplier()
    tally = replayed(applier, stored(a_message(), a_message()), dry_run=True)
    assert (tally.seen, tally.applied) == (2, 2)
    assert applier.applied == []
    assert applier.batches == []


def test_an_outage_is_waited_for_with_growing_pauses() -> None:
    wait = Waiting()
    applier = FakeApplier(outage, outage, outage)
    tally = replayed(applier, stored(a_message()), wait=wait)
    assert (tally.seen, tally.applied, tally.failed) == (1, 1, 0)
    assert [seconds for seconds in wait.waits if seconds] == [0.2, 0.4, 0.8]


def test_a_lasting_outage_ends_the_replay_with_its_reason() -> None:
    wait = Waiting()
    with pytest.raises(DependencyUnavailable, match="the mail server is unavailable, for 6"):
        replayed(FakeApplier(*[outage] * 1000), stored(a_message()), wait=wait)
    assert PATIENCE <= sum(wait.waits) <= PATIENCE + 5


class Leased(FakeApplier):
    """Applies nothing until each of these leases, in seconds of waiting, has expired."""

    def __init__(self, wait: Waiting, *leases: float) -> None:
        super().__init__()
        self._wait = wait
        self._leases = leases

    def apply(self, events: Sequence[Event]) -> Done:
        now, end = sum(self._wait.waits), 0.0
        for lease in self._leases:
            end += lease
            if now < end:
                return Done(held=end - now)
        return super().apply(events)


def test_a_crashed_processs_lease_is_waited_for_however_long() -> None:
    wait = Waiting()
    tally = replayed(Leased(wait, 132.0), stored(a_message()), wait=wait)
    assert (tally.seen, tally.applied, tally.failed) == (1, 1, 0)
    assert 132 <= sum(wait.waits) <= 137


def test_a_lease_that_keeps_being_renewed_ends_the_replay() -> None:
    wait = Waiting()
    with pytest.raises(DependencyUnavailable, match="another process holds a lease for"):
        replayed(Leased(wait, *[132.0] * 100), stored(a_message()), wait=wait)
    assert 132 + PATIENCE <= sum(wait.waits) <= 132 + PATIENCE + 10


def test_a_lease_does_not_extend_the_wait_for_an_outage() -> None:
    def both(_events: Sequence[Event]) -> Done:
        return Done(unavailable="the mail server is unavailable", held=132.0)

    wait = Waiting()
    with pytest.raises(DependencyUnavailable, match="the mail server is unavailable, for 6"):
        replayed(FakeApplier(*[both] * 1000), stored(a_message()), wait=wait)
    assert PATIENCE <= sum(wait.waits) <= PATIENCE + 5


def test_a_dry_run_also_waits_for_an_unavailable_database() -> None:
    class Unavailable(FakeApplier):
        def look(self, events: Sequence[Event]) -> Done:
            if not self.batches:
                self.batches.append(0)
                raise DatabaseUnavailable("down")
            return super().look(events)

    assert replayed(Unavailable(), stored(a_message()), dry_run=True).applied == 1


def test_only_undecided_events_are_tried_again() -> None:
    def first_alone(events: Sequence[Event]) -> Done:
        return Done(applied=frozenset({events[0].id}), unavailable="the gateway is unavailable")

    applier = FakeApplier(first_alone)
    tally = replayed(applier, stored(*[a_message() for _ in range(3)]))
    assert applier.batches == [3, 2]
    assert (tally.seen, tally.applied) == (3, 3)


def test_a_stop_takes_effect_between_two_batches() -> None:
    applier, tally = FakeApplier(), Tally()
    run = ReplayRun(applier, tally, dry_run=False, wait=Waiting(stop_after=2))
    with pytest.raises(Stopped):
        run.all_of(stored(*[a_message() for _ in range(20)]))
    assert (tally.seen, tally.applied) == (6, 6)


def test_a_stop_during_a_wait_counts_finished_events() -> None:
    def first_alone(events: Sequence[Event]) -> Done:
        return Done(applied=frozenset({events[0].id}), unavailable="away")

    tally = Tally()
    run = ReplayRun(FakeApplier(first_alone), tally, dry_run=False, wait=Waiting(stop_after=1))
    with pytest.raises(Stopped):
        run.all_of(stored(*[a_message() for _ in range(3)]))
    assert tally.applied == 1


def test_a_broker_outage_ends_it_with_finished_events_counted() -> None:
    def reading() -> Iterator[Stored]:
        yield from stored(*[a_message() for _ in range(3)])
        raise BrokerUnavailable("the link is lost")

    tally = Tally()
    with pytest.raises(BrokerUnavailable):
        ReplayRun(FakeApplier(), tally, dry_run=False, wait=Waiting()).all_of(reading())
    assert (tally.seen, tally.applied) == (3, 3)


def test_failures_are_listed_up_to_a_limit_and_all_counted() -> None:
    def fail(events: Sequence[Event]) -> Done:
        return Done(failed={event.id: "x" * 10_000 for event in events})

    tally = replayed(FakeApplier(*[fail] * 100), stored(*[a_message() for _ in range(300)]))
    assert (tally.seen, tally.failed) == (300, 300)
    assert len(tally.failures) == FAILURES_NAMED
    assert max(len(failure.reason) for failure in tally.failures) == 500


def test_the_counts_are_stored_after_each_batch() -> None:
    tally, kept = Tally(), []
    ReplayRun(
        FakeApplier(),
        tally,
        dry_run=False,
        wait=Waiting(),
        keep=lambda: kept.append(tally.seen),
    ).all_of(stored(*[a_message() for _ in range(7)]))
    assert kept == [3, 6, 7]


MESSAGES = [a_message() for _ in range(6)]


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 7), st.data())
def test_every_event_is_counted_exactly_once_despite_failures(
    order: list[int], batch: int, data: st.DataObject
) -> None:
    def fate(events: Sequence[Event]) -> Done:
        split = data.draw(st.integers(0, len(events)))
        gone = frozenset(event.id for event in events[:split])
        kind = data.draw(st.sampled_from(["applied", "already", "rewritten", "failed"]))
        some = dict.fromkeys(gone, "it fails") if kind == "failed" else gone
        return Done(**{kind: some}, unavailable="away")  # type: ignore[arg-type]

    applier = FakeApplier(*[fate] * data.draw(st.integers(0, 5)), batch=batch)
    tally = replayed(applier, stored(*(MESSAGES[number] for number in order)))
    parts = (tally.applied, tally.already_applied, tally.rewritten, tally.ignored, tally.failed)
    assert tally.seen == len(order) == sum(parts)


def test_a_wait_ends_early_on_any_of_its_stop_conditions() -> None:
    stopping, lost = threading.Event(), threading.Event()
    wait = waiting_on(stopping, lost)
    assert not wait(0.0)
    lost.set()
    assert wait(0.0)
    stopping.set()
    assert wait(60.0)
