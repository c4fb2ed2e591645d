"""Each event is applied once despite duplicates, concurrency, partial work and crashes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import pytest
from msgspec.structs import replace
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, func, select

from shared.consuming.crash_suspects import StartLog, starts_table
from shared.consuming.effect import Applied
from shared.consuming.inbox import DONE, TransactionalEffect, inbox_row, inbox_table
from shared.consuming.lease import LATEST_START, LeasedEffect
from shared.consuming.lease_rows import LONGEST_LEASE, SENDING
from shared.database.engine import clock_of, open_database, reading, writing
from shared.database.schema import create_schema
from shared.errors import DatabaseUnavailable, DependencyUnavailable, LeaseHeld
from shared.events import Event
from tests.builders import an_event
from tests.fakes import Death, Outage, in_threads

metadata = MetaData()
inbox = inbox_table(metadata)
starts = starts_table(metadata)
#: The effect: no key prevents duplicates.
effects = Table("effects", metadata, Column("event_id", String(64)))

LEASE = 30.0


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


def write(tx: Connection, events: Sequence[Event]) -> None:
    tx.execute(effects.insert(), [{"event_id": event.id} for event in events])


def written(engine: Engine) -> list[str]:
    with reading(engine) as tx:
        return sorted(tx.scalars(select(effects.c.event_id)))


def rows(engine: Engine, table: Table) -> int:
    with reading(engine) as tx:
        return tx.scalar(select(func.count()).select_from(table)) or 0


def in_database(
    engine: Engine,
    write: Callable[..., None] = write,
    work: Callable[[], None] = lambda: None,
) -> TransactionalEffect:
    """The inbox of a new process; each call simulates another process."""
    return TransactionalEffect(engine, inbox, StartLog(starts), write, work)


class Sender:
    """Records sent events; `before` runs within each call."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.before: Callable[[], None] = lambda: None

    def __call__(self, event: Event) -> None:
        self.before()
        self.sent.append(event.id)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self, _tx: Connection) -> float:
        return self.now


def outside(
    engine: Engine,
    send: Sender,
    clock: Callable[[Connection], float] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> LeasedEffect:
    """The inbox of a new process; each call simulates another process."""
    return LeasedEffect(
        engine,
        inbox,
        StartLog(starts),
        send,
        lease=LEASE,
        clock=clock or Clock(),
        monotonic=monotonic,
    )


def raiser(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


# --- effects in the service's own database ---------------------------------------------------


def test_a_redelivered_event_is_applied_once(engine: Engine) -> None:
    effect, event = in_database(engine), an_event()
    assert effect.apply([event]) == Applied(now=frozenset({event.id}))
    assert effect.apply([event]) == Applied(before=frozenset({event.id}))
    assert written(engine) == [event.id]


def test_an_event_delivered_to_two_threads_is_applied_once(engine: Engine) -> None:
    event = an_event()
    effects = iter([in_database(engine), in_database(engine)])
    results = in_threads(2, lambda: next(effects).apply([event], alone=True))
    assert sorted(len(result.now) for result in results) == [0, 1]
    assert written(engine) == [event.id]


def test_each_event_of_a_batch_with_duplicates_is_applied_once(engine: Engine) -> None:
    effect, old, new = in_database(engine), an_event(), an_event()
    effect.apply([old])
    applied = effect.apply([new, old, new])
    assert applied == Applied(now=frozenset({new.id}), before=frozenset({old.id}))
    assert written(engine) == sorted([old.id, new.id])


def test_a_failed_batch_leaves_nothing_and_is_applied_when_redelivered(
    engine: Engine,
) -> None:
    def fail(tx: Connection, events: Sequence[Event]) -> None:
        write(tx, events)
        raise RuntimeError("half way through")

    batch = [an_event(), an_event()]
    with pytest.raises(RuntimeError):
        in_database(engine, fail).apply(batch)
    assert [rows(engine, table) for table in (effects, inbox, starts)] == [0, 0, 0]
    assert len(in_database(engine).apply(batch).now) == 2


def test_nothing_is_applied_while_the_database_is_down_and_then_once(
    engine: Engine,
) -> None:
    effect, event, outage = in_database(engine), an_event(), Outage(engine)
    outage.is_on = True
    with pytest.raises(DatabaseUnavailable):
        effect.apply([event])
    outage.is_on = False
    assert effect.apply([event]).now == {event.id}
    assert written(engine) == [event.id]


def test_the_slow_part_of_the_work_keeps_no_transaction_open(engine: Engine) -> None:
    def work() -> None:
        # SQLite has one writer at a time, so inside a transaction this would wait for ever.
        with writing(engine) as tx:
            write(tx, [bystander])

    bystander, event = an_event(), an_event()
    in_database(engine, work=work).apply([event])
    assert written(engine) == sorted([bystander.id, event.id])


# --- external effects ------------------------------------------------------------------------


def test_the_start_of_a_call_failed_in_an_outage_is_removed(engine: Engine) -> None:
    def fail() -> None:
        outage.is_on = True
        raise RuntimeError("no")

    work, outage = [fail], Outage(engine)
    effect = in_database(engine, work=lambda: work.pop()() if work else None)
    event = an_event()
    with pytest.raises(RuntimeError):
        effect.apply([event])
    outage.is_on = False
    assert rows(engine, starts) == 1
    assert effect.apply([an_event()]).now
    assert rows(engine, starts) == 0
    # Nor does another process take it for a crash of this one.
    assert in_database(engine).apply([event]).now == {event.id}


def test_a_sent_event_is_not_sent_again(engine: Engine) -> None:
    send, event = Sender(), an_event()
    effect = outside(engine, send)
    assert effect.apply([event]).now == {event.id}
    assert effect.apply([event]).before == {event.id}
    assert outside(engine, send).apply([event]).before == {event.id}
    assert send.sent == [event.id]


def test_an_event_delivered_to_two_threads_is_sent_once(engine: Engine) -> None:
    send, event, sending = Sender(), an_event(), threading.Event()
    effect = outside(engine, send)

    def hold_until_the_other_was_refused() -> None:
        sending.set()
        refused.wait(10)

    refused = threading.Event()
    send.before = hold_until_the_other_was_refused
    first = threading.Thread(target=effect.apply, args=([event],))
    first.start()
    sending.wait(10)
    with pytest.raises(LeaseHeld) as held:
        effect.apply([event])
    refused.set()
    first.join()
    assert held.value.seconds == LEASE
    assert send.sent == [event.id]


def test_after_a_failure_the_next_attempt_sends_without_waiting(engine: Engine) -> None:
    send, event = Sender(), an_event()
    effect = outside(engine, send)
    send.before = raiser(RuntimeError("no"))
    with pytest.raises(RuntimeError):
        effect.apply([event])
    send.before = lambda: None
    assert effect.apply([event]).now == {event.id}
    assert send.sent == [event.id]
    assert rows(engine, starts) == 0


def test_after_a_crash_it_is_sent_again_once_the_lease_has_expired(engine: Engine) -> None:
    send, event, clock = Sender(), an_event(), Clock()
    send.before = raiser(Death())
    with pytest.raises(Death):
        outside(engine, send, clock).apply([event])
    send.before = lambda: None
    survivor = outside(engine, send, clock)
    clock.now += LEASE - 1
    with pytest.raises(LeaseHeld) as held:
        survivor.apply([event], alone=True)
    assert held.value.seconds == 1
    clock.now += 1
    assert survivor.apply([event], alone=True).now == {event.id}
    assert send.sent == [event.id]


def test_a_lease_uses_the_databases_clock_after_locking_the_row(engine: Engine) -> None:
    def clock(_tx: Connection) -> float:
        was_released.append(released.is_set())
        return 1000.0

    def hold() -> None:
        with writing(engine) as tx:
            tx.execute(inbox.update().values(attempt=1))
            held.set()
            time.sleep(0.5)
            released.set()

    event, held, released = an_event(), threading.Event(), threading.Event()
    was_released: list[bool] = []
    row = inbox_row(event, SENDING)
    with writing(engine) as tx:
        tx.execute(inbox.insert(), row)
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    outside(engine, Sender(), clock).apply([event])
    holder.join()
    assert was_released == [True]


def test_the_databases_clock_advances_while_a_transaction_waits(engine: Engine) -> None:
    with writing(engine) as tx:
        first = clock_of(tx)
        time.sleep(0.05)
        assert 0.05 <= clock_of(tx) - first < 5
        assert abs(first - time.time()) < 5


def test_a_lease_obtained_too_late_for_a_call_is_not_used(engine: Engine) -> None:
    send, event = Sender(), an_event()
    slow = iter([0.0, LATEST_START + 0.1])
    with pytest.raises(DatabaseUnavailable, match="to take a lease"):
        outside(engine, send, monotonic=lambda: next(slow)).apply([event])
    assert (send.sent, rows(engine, starts)) == ([], 0)
    assert outside(engine, send).apply([event]).now == {event.id}


@pytest.mark.parametrize("ahead", [LONGEST_LEASE + 1, 1e9])
def test_a_lease_impossibly_far_ahead_counts_as_expired(engine: Engine, ahead: float) -> None:
    send, event, clock = Sender(), an_event(), Clock()
    with writing(engine) as tx:
        tx.execute(inbox.insert(), inbox_row(event, SENDING, lease_until=clock.now + ahead))
    assert outside(engine, send, clock).apply([event]).now == {event.id}


def test_an_event_finished_by_a_replica_before_the_claim_is_not_sent(
    engine: Engine,
) -> None:
    """The row does not exist yet at the lookup, so nothing locks it."""

    def clock(tx: Connection) -> float:
        tx.execute(inbox.insert(), inbox_row(event, DONE))
        return 1_000_000.0

    send, event = Sender(), an_event()
    with pytest.raises(LeaseHeld):
        outside(engine, send, clock).apply([event])
    assert (send.sent, rows(engine, starts)) == ([], 0)


def test_a_lease_longer_than_an_hour_is_respected(engine: Engine) -> None:
    """Services with very long calls need such a lease."""
    event, clock, lease = an_event(), Clock(), 1.5 * LONGEST_LEASE

    def patient(send: Sender) -> LeasedEffect:
        return LeasedEffect(engine, inbox, StartLog(starts), send, lease=lease, clock=clock)

    first, second = Sender(), Sender()
    first.before = raiser(Death())
    with pytest.raises(Death):
        patient(first).apply([event])
    with pytest.raises(LeaseHeld):
        patient(second).apply([event], alone=True)
    assert second.sent == []


def test_the_longest_possible_lease_is_respected(engine: Engine) -> None:
    event, clock = an_event(), Clock()
    with writing(engine) as tx:
        tx.execute(inbox.insert(), inbox_row(event, SENDING, lease_until=clock.now + LONGEST_LEASE))
    with pytest.raises(LeaseHeld):
        outside(engine, Sender(), clock).apply([event])


def test_the_inbox_stores_time_and_number_of_the_last_attempt(engine: Engine) -> None:
    send, event = Sender(), an_event()
    send.before = raiser(DependencyUnavailable("mail server", "refused"))
    found: list[tuple[int, datetime, datetime]] = []
    for attempt in (1, 2):
        with pytest.raises(DependencyUnavailable):
            outside(engine, send).apply([replace(event, attempt=attempt)])
        with reading(engine) as tx:
            row = tx.execute(select(inbox.c.attempt, inbox.c.started_at, inbox.c.at)).one()
            found.append((row.attempt, row.started_at, row.at))
    (first, first_start, first_at), (second, second_start, second_at) = found
    assert (first, second) == (1, 2)
    assert first_start < second_start
    assert first_at < second_at


def test_a_call_that_fails_after_its_lease_does_not_affect_the_next(engine: Engine) -> None:
    slow, other, event, clock = Sender(), Sender(), an_event(), Clock()
    other.before = raiser(Death())

    def outlast_the_lease() -> None:
        clock.now += LEASE
        with pytest.raises(Death):
            outside(engine, other, clock).apply([event], alone=True)
        raise DependencyUnavailable("mail server", "timed out")

    slow.before = outlast_the_lease
    with pytest.raises(DependencyUnavailable):
        outside(engine, slow, clock).apply([event])
    with pytest.raises(LeaseHeld):
        outside(engine, Sender(), clock).apply([event], alone=True)


def test_if_the_database_fails_after_the_call_it_is_sent_once(engine: Engine) -> None:
    send, event, outage = Sender(), an_event(), Outage(engine)
    effect = outside(engine, send)
    send.before = lambda: setattr(outage, "is_on", True)
    with pytest.raises(DatabaseUnavailable):
        effect.apply([event])
    with pytest.raises(DatabaseUnavailable):
        effect.apply([event])
    outage.is_on = False
    assert effect.apply([event]).now == {event.id}
    assert effect.apply([event]).before == {event.id}
    assert send.sent == [event.id]
    assert rows(engine, starts) == 0


def test_events_sent_during_a_database_outage_are_recorded_at_the_end(
    engine: Engine,
) -> None:
    send, event, outage = Sender(), an_event(), Outage(engine)
    effect = outside(engine, send)
    send.before = lambda: setattr(outage, "is_on", True)
    with pytest.raises(DatabaseUnavailable):
        effect.apply([event])
    with pytest.raises(DatabaseUnavailable):
        effect.record_the_rest()
    outage.is_on = False
    effect.record_the_rest()
    assert outside(engine, send).apply([event]).before == {event.id}
    assert (send.sent, rows(engine, starts)) == ([event.id], 0)


def test_if_call_and_database_fail_together_the_lease_expires(engine: Engine) -> None:
    send, event, clock, outage = Sender(), an_event(), Clock(), Outage(engine)
    effect = outside(engine, send, clock)

    def fail() -> None:
        outage.is_on = True
        raise RuntimeError("no")

    send.before = fail
    with pytest.raises(RuntimeError):
        effect.apply([event])
    outage.is_on, send.before = False, lambda: None
    with pytest.raises(LeaseHeld):
        effect.apply([event])
    clock.now += LEASE
    assert effect.apply([event]).now == {event.id}
    assert rows(engine, starts) == 0


def test_restarts_during_an_outage_do_not_count_as_crashes(engine: Engine) -> None:
    send, event = Sender(), an_event()
    send.before = raiser(DependencyUnavailable("mail server", "refused"))
    for _ in range(5):
        with pytest.raises(DependencyUnavailable):
            outside(engine, send).apply([event])
    send.before = lambda: None
    assert outside(engine, send).apply([event]).now == {event.id}
