"""Applied once: how an event that is delivered twice has one effect.

Two kinds of effect need two kinds of inbox. In the service's own database, the inbox row and
the effect are one transaction. Outside of it (an email, a text) no transaction reaches, so a
lease says that somebody is at it, and the id under which the far end can recognise a repeat is
always the event's. A lease is not a record that the work was done: one that has ended means
that the work is done again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    or_,
    select,
    update,
)

from shared.database import Utc, clock_of, insert, reading, writing
from shared.errors import DatabaseUnavailable, LeaseHeld
from shared.events import Event
from shared.forgotten import TOO_OLD, forgotten_table, forgotten_until
from shared.rows import Rows, insert_new_rows
from shared.starts import Starts, judge

#: Seconds between taking a lease and the call, at most: what is left then covers the call.
LATEST_START = 2.0
#: A lease that ends later than this from now was taken by a clock that was wrong, and is over.
LONGEST_LEASE = 3600.0

DONE = "done"
SENDING = "sending"


def inbox_table(metadata: MetaData) -> Table:
    """`state` is always `done` where the effect is in the same database. `started_at`: when the
    last attempt began, `at`: when the row came into its state.

    With it comes a table that says up to when rows have been pruned.
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
        # Indexed for those who watch, and ask twice a second what happened last.
        Column("at", Utc, nullable=False, index=True),
    )


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of some events: applied now, applied before, or to be handled alone."""

    now: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    suspects: frozenset[str] = frozenset()


class Effect(Protocol):
    """What a service does with events, at most once for each."""

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        """Apply all of them or raise, with none applied. `alone`: nothing else is in work."""

    def given_up(self, event_id: str) -> None:
        """The event ended without being applied: in the dead letter queue, or to be retried."""

    def record_the_rest(self) -> None:
        """Before an orderly end: write down what was done and could not be recorded, and that
        what is still in work killed nobody. Raises DatabaseUnavailable.
        """


class TransactionalEffect:
    """An effect in the service's own database, a batch of events in one transaction."""

    def __init__(
        self,
        engine: Engine,
        inbox: Table,
        starts: Starts,
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
            self._starts.died_of(batch_id)
            raise
        return Applied(now=now, before=frozenset(by_id) - now, suspects=suspects)

    def _write_once(
        self, by_id: dict[str, Event], rows: Rows, batch_id: str, *, were_suspects: bool
    ) -> frozenset[str]:
        """Inbox rows and effect in one transaction; only for events that are new to the inbox."""
        with self._starts.ending(self._engine, batch_id) as tx:
            fresh = insert_new_rows(tx, self._inbox, rows)
            if fresh:
                self._write(tx, [event for event in by_id.values() if event.id in fresh])
            for event_id in by_id if were_suspects else ():
                self._starts.forget(tx, event_id)
        return fresh

    def _abandon(self, batch_id: str) -> None:
        """The work failed, but this process lives: its start must not look like a death."""
        try:
            with self._starts.ending(self._engine, batch_id):
                pass
        except DatabaseUnavailable:
            self._starts.end_later(batch_id)

    def given_up(self, event_id: str) -> None:
        with writing(self._engine) as tx:
            self._starts.forget(tx, event_id)

    def record_the_rest(self) -> None:
        """The record and the effect are one transaction: there is only what is still in work."""
        self._starts.leave(self._engine)


class LeasedEffect:
    """An effect outside of every transaction: claim with a lease, do it, record that it was done.

    `lease` is in seconds and exceeds the longest time that `send` can take by more than
    LATEST_START. It is told by the database's clock, the same for every replica.
    """

    def __init__(
        self,
        engine: Engine,
        inbox: Table,
        starts: Starts,
        send: Callable[[Event], None],
        *,
        lease: float,
        clock: Callable[[Connection], float] = clock_of,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._inbox = inbox
        self._starts = starts
        self._send = send
        self._lease = lease
        self._clock = clock
        self._monotonic = monotonic
        #: Done, but the database was unavailable when that should have been written down.
        self._unrecorded: dict[str, _Start] = {}

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        [event] = events
        start = self._unrecorded.get(event.id)
        if start is None:
            claimed = self._claim(event, alone=alone)
            if isinstance(claimed, Applied):
                return claimed
            start = claimed
            self._expect_enough_lease(event, start)
            self._call(event, start)
        return self._record(event.id, start)

    def _claim(self, event: Event, *, alone: bool) -> "_Start | Applied":
        """Take the lease, or say why there is nothing to do. Raises LeaseHeld."""
        with writing(self._engine) as tx:
            state, lease_until = self._state(tx, event.id)
            began, now = self._monotonic(), self._clock(tx)
            if state == DONE:
                return Applied(before=frozenset({event.id}))
            if starts := self._starts.suspects(tx, [event.id]):
                judge(starts[event.id])
                if not alone:
                    return Applied(suspects=frozenset({event.id}))
            mine = now + self._lease
            if not self._take_lease(tx, event, now, until=mine):
                raise LeaseHeld(max(lease_until - now, 0.1))
            batch_id = self._starts.begin(tx, [event.id])
            return _Start(batch_id, mine, began, was_suspect=bool(starts))

    def _expect_enough_lease(self, event: Event, start: "_Start") -> None:
        """Committing may have taken any time, and a call must end before its lease does."""
        waited = self._monotonic() - start.began
        if waited > LATEST_START:
            self._release(event, start)
            raise DatabaseUnavailable(f"it took {waited:.1f} s to take a lease")

    def _call(self, event: Event, start: "_Start") -> None:
        try:
            self._send(event)
        except Exception:
            self._release(event, start)
            raise
        except BaseException:
            self._starts.died_of(start.batch_id)
            raise
        self._unrecorded[event.id] = start

    def _state(self, tx: Connection, event_id: str) -> tuple[str, float]:
        inbox = self._inbox
        query = select(inbox.c.state, inbox.c.lease_until).where(inbox.c.event_id == event_id)
        row = tx.execute(query.with_for_update()).one_or_none()
        return (row.state, row.lease_until) if row else ("", 0.0)

    def _take_lease(self, tx: Connection, event: Event, now: float, *, until: float) -> bool:
        inbox = self._inbox
        row = inbox_row(event, SENDING, lease_until=until)
        statement = insert(tx, inbox).on_conflict_do_update(
            index_elements=[inbox.c.event_id],
            set_={
                "state": SENDING,
                "lease_until": until,
                "attempt": event.attempt,
                "started_at": row["started_at"],
                "at": row["at"],
            },
            where=(inbox.c.state != DONE) & self._is_over(now),
        )
        taken = tx.execute(statement.returning(inbox.c.event_id), row)
        return taken.one_or_none() is not None

    def _is_over(self, now: float) -> ColumnElement[bool]:
        until = self._inbox.c.lease_until
        return or_(until <= now, until > now + max(LONGEST_LEASE, 2 * self._lease))

    def _release(self, event: Event, start: "_Start") -> None:
        """The call failed: the next attempt need not wait for the lease to end.

        Only its own lease: when the call took longer than that, another process may have taken
        the next. When the database is away too, the lease ends by itself.
        """
        inbox = self._inbox
        row = (inbox.c.event_id == event.id) & (inbox.c.lease_until == start.lease_until)
        try:
            with self._starts.ending(self._engine, start.batch_id) as tx:
                tx.execute(update(self._inbox).where(row).values(lease_until=0.0))
        except DatabaseUnavailable:
            self._starts.end_later(start.batch_id)

    def record_the_rest(self) -> None:
        for event_id, start in list(self._unrecorded.items()):
            self._record(event_id, start)
        # The lease of a call that has not ended stays: nobody repeats the call before then.
        self._starts.leave(self._engine)

    def _record(self, event_id: str, start: "_Start") -> Applied:
        done = {"state": DONE, "lease_until": 0.0, "at": datetime.now(UTC)}
        with self._starts.ending(self._engine, start.batch_id) as tx:
            tx.execute(update(self._inbox).where(self._inbox.c.event_id == event_id).values(done))
            if start.was_suspect:
                self._starts.forget(tx, event_id)
        self._unrecorded.pop(event_id, None)
        return Applied(now=frozenset({event_id}))

    def given_up(self, event_id: str) -> None:
        with writing(self._engine) as tx:
            self._starts.forget(tx, event_id)


@dataclass(frozen=True, slots=True)
class _Start:
    """A call that has begun, under a lease that ends at `lease_until`."""

    batch_id: str
    lease_until: float
    #: By the monotonic clock of this process.
    began: float
    was_suspect: bool


def unknown(
    engine: Engine, inbox: Table, events: Sequence[Event], *, began: datetime | None = None
) -> dict[str, str]:
    """Which of these may have been done and pruned since, and why, by their ids.

    `began`: of what was done under an id of its own, when that was done for the first time.
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
    """Remove from the batch what has to be handled alone, and say which that is."""
    if alone:
        for count in starts.values():
            judge(count)
        return frozenset()
    for event_id in starts:
        del by_id[event_id]
    return frozenset(starts)


def inbox_row(
    event: Event, state: str, *, lease_until: float = 0.0, started_at: datetime | None = None
) -> dict[str, object]:
    """What comes into this state now, with an attempt that began then, or now."""
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
