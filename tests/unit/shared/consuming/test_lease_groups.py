"""Events whose leases are taken, or whose results are recorded, in one transaction.

Each is judged, sent, released and recorded as if it were alone. The tests run on PostgreSQL too.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, MetaData, select

from shared.consuming.crash_suspects import MAX_STARTS, StartLog, starts_table
from shared.consuming.effect import Applied
from shared.consuming.inbox import DONE, inbox_row, inbox_table
from shared.consuming.lease import LeasedEffect
from shared.consuming.lease_rows import SENDING
from shared.database.engine import clock_of, open_database, reading, writing
from shared.database.schema import create_schema
from shared.errors import DatabaseUnavailable, KilledItsConsumer, LeaseHeld
from shared.events import Event
from tests.builders import an_event
from tests.fakes import Death, Outage
from tests.waiting import eventually

metadata = MetaData()
inbox = inbox_table(metadata)
starts = starts_table(metadata)

LEASE = 30.0


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


class Group:
    """A process whose first claim waits until all others have come: these share a transaction.

    `during` is called with each event when it is sent.
    """

    def __init__(self, engine: Engine) -> None:
        self.sent: list[str] = []
        self.during: Callable[[Event], None] = lambda _event: None
        self._entered, self._open = threading.Event(), threading.Event()
        self.effect = LeasedEffect(
            engine, inbox, StartLog(starts), self._send, lease=LEASE, clock=self._clock
        )

    def _send(self, event: Event) -> None:
        self.during(event)
        self.sent.append(event.id)

    def _clock(self, tx: Connection) -> float:
        self._entered.set()
        assert self._open.wait(20)
        return clock_of(tx)

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> list[Any]:
        """What becomes of each, claimed in one group."""
        results: list[Any] = [None] * len(events)

        def work(number: int, event: Event) -> None:
            try:
                results[number] = self.effect.apply([event], alone=alone)
            except BaseException as error:  # noqa: BLE001 (it is the result)
                results[number] = error

        opener = threading.Thread(target=self.effect.apply, args=([an_event()],))
        opener.start()
        assert self._entered.wait(20)
        threads = [threading.Thread(target=work, args=each) for each in enumerate(events)]
        for count, thread in enumerate(threads, start=1):
            thread.start()
            eventually(lambda count=count: len(self.effect._claims._waiting) == count)  # type: ignore[misc]
        self._open.set()
        for thread in [opener, *threads]:
            thread.join(20)
        return results


def open_starts(engine: Engine) -> list[list[str]]:
    with reading(engine) as tx:
        return list(tx.scalars(select(starts.c.event_ids)))


def states(engine: Engine) -> dict[str, str]:
    with reading(engine) as tx:
        return {row.event_id: row.state for row in tx.execute(select(inbox))}


def started_by_others(engine: Engine, event: Event, times: int) -> None:
    for _ in range(times):
        with writing(engine) as tx:
            StartLog(starts).begin(tx, [event.id])


def test_each_of_a_group_is_judged_by_itself(engine: Engine) -> None:
    new, done, held, suspect, killer, stale = [an_event() for _ in range(6)]
    with writing(engine) as tx:
        now = clock_of(tx)
        tx.execute(inbox.insert(), inbox_row(done, DONE))
        tx.execute(inbox.insert(), inbox_row(held, SENDING, lease_until=now + 20))
        tx.execute(inbox.insert(), inbox_row(stale, SENDING, lease_until=now - 1))
    started_by_others(engine, done, 1)
    started_by_others(engine, suspect, 1)
    started_by_others(engine, killer, MAX_STARTS)
    before = open_starts(engine)

    group = Group(engine)
    results = group.apply([new, done, held, suspect, killer, stale])

    assert results[0] == Applied(now=frozenset({new.id}))
    assert results[1] == Applied(before=frozenset({done.id}))
    assert isinstance(results[2], LeaseHeld)
    assert 15 < results[2].seconds <= 20
    assert results[3] == Applied(suspects=frozenset({suspect.id}))
    assert isinstance(results[4], KilledItsConsumer)
    assert results[5] == Applied(now=frozenset({stale.id}))
    # The first is the one that the others waited for.
    assert sorted(group.sent[1:]) == sorted([new.id, stale.id])
    assert sorted(open_starts(engine)) == sorted(before)
    assert states(engine)[held.id] == SENDING
    assert suspect.id not in states(engine)


def test_the_same_event_twice_in_a_group_is_sent_once(engine: Engine) -> None:
    group, event = Group(engine), an_event()
    first, second, third = group.apply([event, event, event])
    assert first == Applied(now=frozenset({event.id}))
    assert [type(second), type(third)] == [LeaseHeld, LeaseHeld]
    assert group.sent.count(event.id) == 1


def test_one_that_fails_releases_its_own_lease_only(engine: Engine) -> None:
    group, events = Group(engine), [an_event() for _ in range(4)]
    bad = events[1]

    def fail(event: Event) -> None:
        if event.id == bad.id:
            raise RuntimeError("no")

    group.during = fail
    results = group.apply(events)
    assert isinstance(results[1], RuntimeError)
    assert [result.now for result in results if isinstance(result, Applied)] == [
        frozenset({event.id}) for event in events if event is not bad
    ]
    group.during = lambda _event: None
    assert group.effect.apply([bad]).now == {bad.id}
    assert open_starts(engine) == []


def test_one_that_the_database_refuses_does_not_fail_the_others(engine: Engine) -> None:
    group, good = Group(engine), [an_event(), an_event()]
    bad = replace(an_event(), attempt=None)
    results = group.apply([good[0], bad, good[1]])
    assert [results[0].now, results[2].now] == [{event.id} for event in good]
    assert "NOT NULL" in str(results[1]).upper().replace("-", " ")
    assert bad.id not in group.sent


def test_of_a_process_that_dies_in_a_group_only_what_had_not_ended_is_a_suspect(
    engine: Engine,
) -> None:
    group, killer, bystander = Group(engine), an_event(), an_event()

    def die(event: Event) -> None:
        if event.id == killer.id:
            # The other one is recorded by then.
            eventually(lambda: states(engine).get(bystander.id) == DONE)
            raise Death

    group.during = die
    died, applied = group.apply([killer, bystander])
    assert isinstance(died, Death)
    assert applied.now == {bystander.id}
    assert open_starts(engine) == [[killer.id]]

    survivor = LeasedEffect(engine, inbox, StartLog(starts), lambda _event: None, lease=LEASE)
    assert survivor.apply([killer]).suspects == {killer.id}
    assert survivor.apply([bystander]).before == {bystander.id}
    # Nor is it sent again before its lease has expired.
    with pytest.raises(LeaseHeld):
        survivor.apply([killer], alone=True)


def test_what_was_sent_together_and_could_not_be_recorded_is_sent_once(engine: Engine) -> None:
    group, events, outage = Group(engine), [an_event() for _ in range(4)], Outage(engine)
    all_sending = threading.Barrier(4)
    ids = {event.id for event in events}

    def go_away(event: Event) -> None:
        if event.id in ids:
            # The event that the others waited for is recorded by then.
            eventually(lambda: DONE in states(engine).values())
            all_sending.wait(20)
            outage.is_on = True

    group.during = go_away
    results = group.apply(events)
    assert {type(result) for result in results} == {DatabaseUnavailable}
    outage.is_on = False
    assert [group.effect.apply([event]).now for event in events] == [{e.id} for e in events]
    assert sorted(group.sent[1:]) == sorted(ids)
    assert open_starts(engine) == []
