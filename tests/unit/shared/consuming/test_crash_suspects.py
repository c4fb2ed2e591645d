"""An event that crashes its consumer is found; events in progress beside it are not blamed."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, func, select

from shared.consuming.crash_suspects import MAX_STARTS, StartLog, starts_table
from shared.consuming.effect import Applied
from shared.consuming.inbox import TransactionalEffect, inbox_table
from shared.consuming.lease import LeasedEffect
from shared.consuming.outcome import Outcome
from shared.consuming.settle import settle
from shared.database.engine import open_database, reading
from shared.database.schema import create_schema
from shared.errors import DatabaseUnavailable, KilledItsConsumer
from shared.events import Event
from tests.builders import a_message, an_event
from tests.fakes import Death, FakeDelivery, Outage

metadata = MetaData()
inbox = inbox_table(metadata)
starts = starts_table(metadata)
effects = Table("effects", metadata, Column("event_id", String(64)))

Effect = TransactionalEffect | LeasedEffect


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


def in_database(engine: Engine, killers: set[str]) -> TransactionalEffect:
    """A new process, which dies of the events named in `killers`."""

    def write(tx: Connection, events: Sequence[Event]) -> None:
        tx.execute(effects.insert(), [{"event_id": event.id} for event in events])
        if killers.intersection(event.id for event in events):
            raise Death

    return TransactionalEffect(engine, inbox, StartLog(starts), write)


def outside(engine: Engine, killers: set[str]) -> LeasedEffect:
    """A new process, which dies of the events named in `killers`; leases end at once."""

    def send(event: Event) -> None:
        if event.id in killers:
            raise Death

    return LeasedEffect(engine, inbox, StartLog(starts), send, lease=0.0)


def slow_in_database(engine: Engine, wait: Callable[[], None]) -> TransactionalEffect:
    """A new process, whose work waits before its transaction."""

    def write(tx: Connection, events: Sequence[Event]) -> None:
        tx.execute(effects.insert(), [{"event_id": event.id} for event in events])

    return TransactionalEffect(engine, inbox, StartLog(starts), write, wait)


def slow_outside(engine: Engine, wait: Callable[[], None]) -> LeasedEffect:
    """A new process, whose calls wait; leases end at once."""
    return LeasedEffect(engine, inbox, StartLog(starts), lambda _event: wait(), lease=0.0)


def written(engine: Engine) -> set[str]:
    with reading(engine) as tx:
        return set(tx.scalars(select(effects.c.event_id)))


def open_starts(engine: Engine) -> int:
    with reading(engine) as tx:
        return tx.scalar(select(func.count()).select_from(starts)) or 0


def die(effect: Effect, *events: Event, alone: bool = False) -> None:
    with pytest.raises(Death):
        effect.apply(events, alone=alone)


@contextmanager
def in_work(engine: Engine, process: "SlowProcess", event: Event) -> Iterator[Effect]:
    """A process that crashes while an event is in progress."""

    def wait() -> None:
        begun.set()
        assert gone.wait(20)
        raise Death

    def work() -> None:
        with suppress(Death):
            effect.apply([event])

    begun, gone = threading.Event(), threading.Event()
    effect, thread = process(engine, wait), threading.Thread(target=work)
    thread.start()
    try:
        assert begun.wait(20)
        yield effect
    finally:
        gone.set()
        thread.join()


KINDS = pytest.mark.parametrize("process", [in_database, outside])
Process = Callable[[Engine, set[str]], Effect]
SLOW_KINDS = pytest.mark.parametrize("process", [slow_in_database, slow_outside])
SlowProcess = Callable[[Engine, Callable[[], None]], Effect]


@KINDS
def test_after_a_crash_an_event_is_a_suspect_until_handled_alone(
    engine: Engine, process: Process
) -> None:
    event = an_event()
    die(process(engine, {event.id}), event)
    survivor = process(engine, set())
    assert survivor.apply([event]).suspects == {event.id}
    assert survivor.apply([event], alone=True).now == {event.id}
    assert open_starts(engine) == 0


@KINDS
def test_an_event_that_crashed_three_processes_is_dead_lettered(
    engine: Engine, process: Process
) -> None:
    killer = an_event()
    die(process(engine, {killer.id}), killer)
    for _ in range(MAX_STARTS - 1):
        die(process(engine, {killer.id}), killer, alone=True)
    with pytest.raises(KilledItsConsumer, match="started 3 times, never finished"):
        process(engine, {killer.id}).apply([killer], alone=True)


def test_bystanders_of_a_crash_are_handled_alone_and_applied(engine: Engine) -> None:
    killer, *bystanders = [an_event() for _ in range(10)]
    batch = [*bystanders[:5], killer, *bystanders[5:]]
    die(in_database(engine, {killer.id}), *batch)
    survivor = in_database(engine, {killer.id})
    assert survivor.apply(batch).suspects == {event.id for event in batch}
    for event in bystanders:
        assert survivor.apply([event], alone=True).now == {event.id}
    assert written(engine) == {event.id for event in bystanders}


def test_clearing_one_bystander_clears_no_other(engine: Engine) -> None:
    killer, first, second = [an_event() for _ in range(3)]
    die(in_database(engine, {killer.id}), killer, first, second)
    survivor = in_database(engine, set())
    assert survivor.apply([first], alone=True).now == {first.id}
    assert survivor.apply([killer, second]).suspects == {killer.id, second.id}


def test_a_batch_continues_without_its_suspects(engine: Engine) -> None:
    suspect, new = an_event(), an_event()
    die(in_database(engine, {suspect.id}), suspect)
    applied = in_database(engine, set()).apply([suspect, new])
    assert applied == Applied(now=frozenset({new.id}), suspects=frozenset({suspect.id}))


def test_two_starts_in_one_process_are_not_a_crash(engine: Engine) -> None:
    """A thread of the same process may be handling it, as its lease or transaction shows."""
    event = an_event()
    effect = in_database(engine, {event.id})
    for _ in range(MAX_STARTS + 1):
        die(effect, event)


@KINDS
def test_several_starts_of_an_event_in_one_process_are_one_crash(
    engine: Engine, process: Process
) -> None:
    event = an_event()
    effect = process(engine, {event.id})
    for _ in range(MAX_STARTS):
        die(effect, event)
    assert open_starts(engine) == MAX_STARTS
    assert process(engine, set()).apply([event], alone=True).now == {event.id}


@KINDS
def test_a_convicted_event_is_dead_lettered_and_can_be_redriven(
    engine: Engine, process: Process
) -> None:
    killer = an_event()
    die(process(engine, {killer.id}), killer)
    for _ in range(MAX_STARTS - 1):
        die(process(engine, {killer.id}), killer, alone=True)

    convicted = FakeDelivery(a_message(killer))
    assert settle(convicted, process(engine, set()), (1.0,), alone=True) == Outcome.DEAD_LETTERED
    reason = "killed its consumer: started 3 times, never finished"
    assert convicted.ended == [("dead_letter", reason)]
    redriven = FakeDelivery(a_message(killer))
    assert settle(redriven, process(engine, set()), (1.0,)) == Outcome.APPLIED


def test_an_error_that_is_retried_is_not_a_crash(engine: Engine) -> None:
    def fail(tx: Connection, events: Sequence[Event]) -> None:
        raise RuntimeError("no")

    event = an_event()
    for _ in range(MAX_STARTS + 1):
        effect = TransactionalEffect(engine, inbox, StartLog(starts), fail)
        assert settle(FakeDelivery(a_message(event)), effect, (1.0,)) == Outcome.RETRIED
    assert open_starts(engine) == 0


@SLOW_KINDS
def test_events_in_progress_at_a_clean_stop_are_not_crashes(
    engine: Engine, process: SlowProcess
) -> None:
    event = an_event()
    for _ in range(MAX_STARTS):
        with in_work(engine, process, event) as effect:
            assert open_starts(engine) == 1
            effect.record_the_rest()
            assert open_starts(engine) == 0
    assert process(engine, lambda: None).apply([event]).now == {event.id}


@SLOW_KINDS
def test_a_stop_does_not_affect_events_of_other_processes(
    engine: Engine, process: SlowProcess
) -> None:
    event, other = an_event(), an_event()
    with in_work(engine, process, other), in_work(engine, process, event) as effect:
        effect.record_the_rest()
        assert process(engine, lambda: None).apply([other]).suspects == {other.id}


@SLOW_KINDS
def test_a_stop_during_an_outage_is_recorded_once_it_is_over(
    engine: Engine, process: SlowProcess
) -> None:
    outage = Outage(engine)
    with in_work(engine, process, an_event()) as effect:
        outage.is_on = True
        with pytest.raises(DatabaseUnavailable):
            effect.record_the_rest()
        outage.is_on = False
        effect.record_the_rest()
        assert open_starts(engine) == 0


@SLOW_KINDS
def test_a_stop_with_nothing_in_progress_needs_no_database(
    engine: Engine, process: SlowProcess
) -> None:
    effect, outage = process(engine, lambda: None), Outage(engine)
    effect.apply([an_event()])
    outage.is_on = True
    effect.record_the_rest()


@SLOW_KINDS
def test_events_that_failed_in_an_outage_are_not_crashes(
    engine: Engine, process: SlowProcess
) -> None:
    def fail() -> None:
        outage.is_on = True
        raise RuntimeError("no")

    effect, outage = process(engine, fail), Outage(engine)
    with pytest.raises(RuntimeError):
        effect.apply([an_event()])
    outage.is_on = False
    assert open_starts(engine) == 1
    effect.record_the_rest()
    assert open_starts(engine) == 0


@SLOW_KINDS
def test_an_event_begun_after_the_stop_was_recorded_leaves_no_row(
    engine: Engine, process: SlowProcess
) -> None:
    """A request over HTTP may begin at that moment."""
    effect = process(engine, lambda: seen.append(open_starts(engine)))
    seen: list[int] = []
    effect.record_the_rest()
    effect.apply([an_event()])
    assert seen == [0]


@KINDS
def test_an_error_that_ends_the_process_is_a_crash_despite_a_clean_stop(
    engine: Engine, process: Process
) -> None:
    killer = an_event()
    for alone in [False, *[True] * (MAX_STARTS - 1)]:
        effect = process(engine, {killer.id})
        die(effect, killer, alone=alone)
        effect.record_the_rest()
    with pytest.raises(KilledItsConsumer, match="started 3 times, never finished"):
        process(engine, set()).apply([killer], alone=True)
