"""Processes that take leases and end suspects at the same time do not deadlock on PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, event, select, text

from shared.consuming.crash_suspects import StartLog, starts_table
from shared.consuming.inbox import inbox_row, inbox_table
from shared.consuming.lease import LeasedEffect
from shared.consuming.lease_rows import SENDING, LeaseRows
from shared.database.engine import clock_of, open_database, reading, writing
from shared.database.schema import create_schema
from shared.errors import DatabaseUnavailable
from tests.builders import an_event
from tests.fakes import Outage
from tests.waiting import eventually

metadata = MetaData()
inbox = inbox_table(metadata)
starts = starts_table(metadata)

LEASE = 30.0
#: The lowest id, whose row is locked first.
LOWEST = "0" * 32


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


@pytest.fixture
def other(database_url: str) -> Iterator[Engine]:
    """The connections of another process."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


def await_end_or_lock(engine: Engine, work: Future[Any]) -> None:
    """Wait until the work has ended, or waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def has_ended_or_waits() -> bool:
        if work.done():
            return True
        with reading(engine) as tx:
            return bool(tx.scalar(waiting))

    eventually(has_ended_or_waits)


def test_a_row_that_appears_during_a_claim_causes_no_deadlock(
    engine: Engine, other: Engine
) -> None:
    rows, pair = LeaseRows(inbox, LEASE), sorted([an_event(), an_event()], key=lambda e: e.id)
    ids = [each.id for each in pair]

    def first() -> list[str]:
        with first_tx:
            return rows.take(first_connection, pair, found_first, clock_of(first_connection))

    with ThreadPoolExecutor(1) as thread, other.connect() as first_connection:
        first_tx = first_connection.begin()
        found_first = rows.lock(first_connection, ids)
        with writing(engine) as tx:
            tx.execute(inbox.insert(), inbox_row(pair[1], SENDING))
        with writing(engine) as tx:
            found_second = rows.lock(tx, ids)
            working = thread.submit(first)
            await_end_or_lock(engine, working)
            second = rows.take(tx, pair, found_second, clock_of(tx))
        assert (working.result(), second) == ([ids[0]], [ids[1]])
    assert (list(found_first), list(found_second)) == ([], [ids[1]])


def test_suspects_that_end_together_cause_no_deadlock(engine: Engine, other: Engine) -> None:
    suspects, outage = [an_event(), an_event()], Outage(engine)
    for suspect in suspects:
        with writing(other) as tx:
            StartLog(starts).begin(tx, [suspect.id])
    process = LeasedEffect(
        engine, inbox, StartLog(starts), lambda _event: setattr(outage, "is_on", True), lease=LEASE
    )
    for suspect in suspects:
        with pytest.raises(DatabaseUnavailable):
            process.apply([suspect], alone=True)
        outage.is_on = False

    with ThreadPoolExecutor(1) as thread:
        neighbour = Neighbour(engine, other, thread)
        process.record_the_rest()
        neighbour.ending.result()
    with reading(engine) as tx:
        assert tx.scalars(select(starts.c.event_ids)).all() == []


class Neighbour:
    """Another process: as soon as the start log is locked, it starts an event and ends it together
    with an older one.
    """

    def __init__(self, engine: Engine, other: Engine, thread: ThreadPoolExecutor) -> None:
        self.ending: Future[None] = Future()
        self._engine, self._other, self._thread = engine, other, thread
        self._log, self._event = StartLog(starts), an_event()
        self._has_begun = False
        with writing(other) as tx:
            self._older = self._log.begin(tx, [self._event.id])
        event.listen(engine, "after_cursor_execute", self._after)

    def _after(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if self._has_begun or not (
            statement.startswith("SELECT starts.") and "FOR UPDATE" in statement
        ):
            return
        self._has_begun = True
        self.ending = self._thread.submit(self._end)
        await_end_or_lock(self._other, self.ending)

    def _end(self) -> None:
        with writing(self._other) as tx:
            row = {"batch_id": LOWEST, "run": "other", "event_ids": [self._event.id]}
            tx.execute(starts.insert(), row | {"started_at": self._event.time})
        with self._log.ending(self._other, LOWEST, self._older):
            pass
