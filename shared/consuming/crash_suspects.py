"""Finds the event that kills its consumer, without convicting those that stood beside it.

Before a batch is handled, one small row says which events are in it; the row goes when they
have ended. Rows that a dead process left behind name the suspects. A suspect is handled alone,
so that only the culprit can be caught again, and an event that MAX_STARTS processes started
and none lived to end is given up. The broker's delivery limit cannot do this: it counts every
message that the dead process held.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    delete,
    select,
    update,
)

from shared.database.engine import Utc, writing
from shared.errors import KilledItsConsumer

MAX_STARTS = 3


def starts_table(metadata: MetaData) -> Table:
    return Table(
        "starts",
        metadata,
        Column("batch_id", String(32), primary_key=True),
        Column("run", String(32), nullable=False),
        Column("event_ids", JSON, nullable=False),
        Column("started_at", Utc, nullable=False),
    )


class StartLog:
    """What this process has started, and what others started and did not end."""

    def __init__(self, table: Table) -> None:
        self._table = table
        #: A row with another run's id was written by another process, dead or alive.
        self._run = uuid.uuid4().hex
        #: Rows that may be in the table, and those of them whose work has ended.
        self._open: set[str] = set()
        self._ended: set[str] = set()
        self._leaving = False

    def suspects(self, tx: Connection, event_ids: Sequence[str]) -> dict[str, int]:
        """Which of these events other processes started, and how many processes did."""
        rows = tx.execute(
            select(self._table.c.run, self._table.c.event_ids).where(self._table.c.run != self._run)
        ).all()
        runs = {id: {run for run, ids in rows if id in ids} for id in event_ids if rows}
        return {id: len(by) for id, by in runs.items() if by}

    def begin(self, tx: Connection, event_ids: Collection[str]) -> str:
        """Write down, in a transaction that is committed before the work, what is started."""
        batch_id = uuid.uuid4().hex
        if self._leaving:
            return batch_id
        tx.execute(
            self._table.insert(),
            {
                "batch_id": batch_id,
                "run": self._run,
                "event_ids": list(event_ids),
                "started_at": datetime.now(UTC),
            },
        )
        self._open.add(batch_id)
        return batch_id

    @contextmanager
    def ending(self, engine: Engine, *batch_ids: str) -> Iterator[Connection]:
        """A transaction that removes these rows, and those that could not be removed earlier."""
        rows = {*batch_ids, *self._ended}
        with writing(engine) as tx:
            yield tx
            tx.execute(delete(self._table).where(self._table.c.batch_id.in_(rows)))
        self._open -= rows
        self._ended -= rows

    def end_later(self, batch_id: str) -> None:
        """The database is unavailable: the row goes with the next one, or when the process ends."""
        self._ended.add(batch_id)

    def died_of(self, batch_id: str) -> None:
        """An error that ends the process: the row stays, however orderly that end is."""
        self._open.discard(batch_id)

    def leave(self, engine: Engine) -> None:
        """The process is told to end, and that is no death. Raises DatabaseUnavailable."""
        self._leaving = True
        if self._open:
            with self.ending(engine, *self._open):
                pass

    def forget(self, tx: Connection, event_id: str) -> None:
        """The suspect has come to an end: clear its name from every row."""
        query = select(self._table.c.batch_id, self._table.c.event_ids)
        # In one order for all, so that two of these never wait for each other.
        rows = tx.execute(query.order_by(self._table.c.batch_id).with_for_update()).all()
        for batch_id, ids in rows:
            if event_id in ids:
                self._remove(tx, batch_id, [id for id in ids if id != event_id])

    def _remove(self, tx: Connection, batch_id: str, remaining: list[str]) -> None:
        row = self._table.c.batch_id == batch_id
        tx.execute(
            update(self._table).where(row).values(event_ids=remaining)
            if remaining
            else delete(self._table).where(row)
        )


def expect_few_starts(starts: int) -> None:
    """Raise KilledItsConsumer when this many processes started an event and none ended it."""
    if starts >= MAX_STARTS:
        raise KilledItsConsumer(f"killed its consumer: started {starts} times, never ended")
