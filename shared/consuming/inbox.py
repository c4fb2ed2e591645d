"""The inbox: it makes an event that is delivered twice have one effect.

There are two kinds. If the effect is in the service's own database, one transaction writes both
the effect and the inbox row: see this module. No transaction covers an effect outside of the
database, such as an email or a text: see `lease`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    select,
)

from shared.consuming.crash_suspects import StartLog, expect_few_starts
from shared.consuming.effect import Applied
from shared.consuming.inbox_retention import TOO_OLD, forgotten_table, forgotten_until
from shared.database.bulk_insert import Rows, insert_new_rows
from shared.database.engine import Utc, reading, writing
from shared.errors import DatabaseUnavailable
from shared.events import Event

DONE = "done"


def inbox_table(metadata: MetaData) -> Table:
    """`state` is always `done` if the effect is in the same database. `started_at` is when the
    last attempt began, `at` is when the row entered its state.

    Also adds the table that records up to when rows have been pruned.
    """
    forgotten_table(metadata)
    return Table(
        "inbox",
        metadata,
        Column("event_id", String(64), primary_key=True),
        Column("order_id", String(64), nullable=False, index=True),
        Column("state", String(8), nullable=False),
        Column("lease_until", Float, nullable=False, default=0.0),
        Column("attempt", Integer, nullable=False),
        Column("event_time", Utc, nullable=False),
        Column("started_at", Utc),
        # Indexed for the dashboard, which queries the latest activity twice per second.
        Column("at", Utc, nullable=False, index=True),
    )


class TransactionalEffect:
    """An effect in the service's own database; one transaction for a batch of events."""

    def __init__(
        self,
        engine: Engine,
        inbox: Table,
        starts: StartLog,
        write: Callable[[Connection, Sequence[Event]], None],
        work: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._inbox = inbox
        self._starts = starts
        self._write = write
        #: The slow part of the work; it runs before the transaction, never inside it.
        self._work = work

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        by_id = {event.id: event for event in events}
        with writing(self._engine) as tx:
            starts = self._starts.suspects(tx, list(by_id))
            suspects = _take_suspects(by_id, starts, alone=alone)
            batch_id = self._starts.begin(tx, by_id) if by_id else ""
        if not by_id:
            return Applied(suspects=suspects)
        try:
            started_at = datetime.now(UTC)
            self._work()
            rows = [inbox_row(event, DONE, started_at=started_at) for event in by_id.values()]
            now = self._write_once(by_id, rows, batch_id, were_suspects=alone and bool(starts))
        except Exception:
            self._abandon(batch_id)
            raise
        except BaseException:
            self._starts.keep_as_crash(batch_id)
            raise
        return Applied(now=now, before=frozenset(by_id) - now, suspects=suspects)

    def _write_once(
        self, by_id: dict[str, Event], rows: Rows, batch_id: str, *, were_suspects: bool
    ) -> frozenset[str]:
        """Write inbox rows and effects in one transaction; return the ids new to the inbox."""
        with self._starts.ending(self._engine, batch_id) as tx:
            fresh = insert_new_rows(tx, self._inbox, rows)
            if fresh:
                self._write(tx, [event for event in by_id.values() if event.id in fresh])
            if were_suspects:
                self._starts.forget(tx, by_id.keys())
        return fresh

    def _abandon(self, batch_id: str) -> None:
        """The work failed without a crash: remove the start, so that no event is suspected."""
        try:
            with self._starts.ending(self._engine, batch_id):
                pass
        except DatabaseUnavailable:
            self._starts.end_later(batch_id)

    def given_up(self, event_id: str) -> None:
        with writing(self._engine) as tx:
            self._starts.forget(tx, {event_id})

    def record_the_rest(self) -> None:
        """Effect and record share a transaction, so nothing is unrecorded: only close the log."""
        self._starts.close(self._engine)


def maybe_pruned(
    engine: Engine, inbox: Table, events: Sequence[Event], *, began: datetime | None = None
) -> dict[str, str]:
    """Events that may have been applied and then pruned: the reason by event id.

    `began`: if the effect has an id of its own (a replay that sends again), the time at which it
    was first begun; it replaces the event's time.
    """
    with reading(engine) as tx:
        until = forgotten_until(tx, inbox)
        old = [event.id for event in events if until and (began or event.time) < until]
        query = select(inbox.c.event_id).where(inbox.c.event_id.in_(old), inbox.c.state == DONE)
        done = frozenset(tx.scalars(query)) if old else frozenset()
    return {id: f"{TOO_OLD} {until:%Y-%m-%d}" for id in old if id not in done}


def _take_suspects(
    by_id: dict[str, Event], starts: Mapping[str, int], *, alone: bool
) -> frozenset[str]:
    """Remove the suspects from the batch, unless handled `alone`, and return their ids.

    Raises KilledItsConsumer.
    """
    if alone:
        for count in starts.values():
            expect_few_starts(count)
        return frozenset()
    for event_id in starts:
        del by_id[event_id]
    return frozenset(starts)


def inbox_row(
    event: Event, state: str, *, lease_until: float = 0.0, started_at: datetime | None = None
) -> dict[str, object]:
    """A row that enters `state` now; its attempt began at `started_at`, by default now."""
    now = datetime.now(UTC)
    return {
        "event_id": event.id,
        "order_id": event.order.order_id,
        "state": state,
        "lease_until": lease_until,
        "attempt": event.attempt,
        "event_time": event.time,
        "started_at": started_at or now,
        "at": now,
    }
