"""Finds the event that crashes its consumer, without blaming other events of the same batch.

Before a batch is handled, one small row records which events are in it; the row is deleted when
they have ended. Rows that a crashed process left behind name the suspects. A suspect is handled
alone, so that only the culprit can cause another crash. An event that MAX_STARTS processes
started, and none finished, is given up. The broker's delivery limit cannot do this: it counts
every message that the crashed process held.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BindParameter,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    select,
    update,
)

from shared.database.bulk_insert import insert_rows
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
    """The batches that this process has started, and those that others left unfinished."""

    def __init__(self, table: Table) -> None:
        self._table = table
        #: A row with another run's id was written by another process, dead or alive.
        self._run = uuid.uuid4().hex
        #: Rows that may be in the table, and those of them whose work has ended.
        self._open: set[str] = set()
        self._ended: set[str] = set()
        self._closing = False
        # Made once: making a statement takes longer than executing it.
        id, run = table.c.batch_id, table.c.run
        self._started_by_others = select(run, table.c.event_ids).where(run != self._run)
        # Locks the rows in the order in which `forget` does, which prevents deadlocks.
        ids: BindParameter[str] = bindparam("ids", expanding=True)
        locked = select(id).where(id.in_(ids)).order_by(id).with_for_update()
        self._delete = delete(table).where(id.in_(locked))

    def suspects(self, tx: Connection, event_ids: Sequence[str]) -> dict[str, int]:
        """For each of these events that other processes started: the number of those processes."""
        rows = tx.execute(self._started_by_others).all()
        runs = {id: {run for run, ids in rows if id in ids} for id in event_ids if rows}
        return {id: len(by) for id, by in runs.items() if by}

    def begin(self, tx: Connection, event_ids: Collection[str]) -> str:
        """Record which events are started; return the batch id. Commit `tx` before the work."""
        [batch_id] = self._begin(tx, [list(event_ids)])
        return batch_id

    def begin_each(self, tx: Connection, event_ids: Sequence[str]) -> dict[str, str]:
        """The same for events that end one by one: a batch for each. The batch ids by event id."""
        batch_ids = self._begin(tx, [[event_id] for event_id in event_ids])
        return dict(zip(event_ids, batch_ids, strict=True))

    def _begin(self, tx: Connection, batches: Sequence[Sequence[str]]) -> list[str]:
        now = datetime.now(UTC)
        rows = {
            uuid.uuid4().hex: {"run": self._run, "event_ids": event_ids, "started_at": now}
            for event_ids in batches
        }
        if rows and not self._closing:
            insert_rows(tx, self._table, [{"batch_id": id, **row} for id, row in rows.items()])
            self._open.update(rows)
        return list(rows)

    @contextmanager
    def ending(self, engine: Engine, *batch_ids: str) -> Iterator[Connection]:
        """A transaction that also deletes these rows and those passed to `end_later`."""
        rows = {*batch_ids, *self._ended}
        with writing(engine) as tx:
            yield tx
            tx.execute(self._delete, {"ids": list(rows)})
        self._open -= rows
        self._ended -= rows

    def end_later(self, batch_id: str) -> None:
        """The database is unavailable: delete the row with the next one, or on shutdown."""
        self._ended.add(batch_id)

    def keep_as_crash(self, batch_id: str) -> None:
        """An error ends the process: keep the row, even if the shutdown is graceful."""
        self._open.discard(batch_id)

    def close(self, engine: Engine) -> None:
        """Delete the rows of unfinished work: a requested shutdown is not a crash.

        Raises DatabaseUnavailable.
        """
        self._closing = True
        if self._open:
            with self.ending(engine, *self._open):
                pass

    def forget(self, tx: Connection, event_ids: Collection[str]) -> None:
        """These suspects have ended: remove them from every row. Call it once per transaction."""
        query = select(self._table.c.batch_id, self._table.c.event_ids)
        # Every process locks the rows in the same order, which prevents deadlocks.
        rows = tx.execute(query.order_by(self._table.c.batch_id).with_for_update()).all()
        for batch_id, ids in rows:
            remaining = [id for id in ids if id not in event_ids]
            if len(remaining) < len(ids):
                self._remove(tx, batch_id, remaining)

    def _remove(self, tx: Connection, batch_id: str, remaining: list[str]) -> None:
        row = self._table.c.batch_id == batch_id
        tx.execute(
            update(self._table).where(row).values(event_ids=remaining)
            if remaining
            else delete(self._table).where(row)
        )


def expect_few_starts(starts: int) -> None:
    """Raise KilledItsConsumer if MAX_STARTS processes started an event and none finished it."""
    if error := too_many_starts(starts):
        raise error


def too_many_starts(starts: int) -> KilledItsConsumer | None:
    """The error for an event that MAX_STARTS processes started and none finished."""
    if starts < MAX_STARTS:
        return None
    return KilledItsConsumer(f"killed its consumer: started {starts} times, never finished")
