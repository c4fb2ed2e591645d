"""Effects outside of the database (an email, a text), which no transaction covers.

A lease records that a process is working on an event. It does not record that the work was done:
once the lease has expired, the work is repeated, under the same event id, by which the
downstream system can recognise a repeat.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    or_,
    select,
    update,
)

from shared.consuming.crash_suspects import StartLog, expect_few_starts
from shared.consuming.effect import Applied
from shared.consuming.inbox import DONE, inbox_row
from shared.database.engine import clock_of, insert, writing
from shared.errors import DatabaseUnavailable, LeaseHeld
from shared.events import Event

#: The most seconds between taking a lease and the call; the rest of the lease covers the call.
LATEST_START = 2.0

#: A lease that expires further ahead than this was taken with a wrong clock, and is ignored.
LONGEST_LEASE = 3600.0

SENDING = "sending"


class LeasedEffect:
    """An effect outside of every transaction: take a lease, do the work, record that it is done.

    `lease` is in seconds and exceeds the longest time that `send` can take by more than
    LATEST_START. It is measured by the database's clock, the same for every replica.
    """

    def __init__(
        self,
        engine: Engine,
        inbox: Table,
        starts: StartLog,
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
        #: Done, but not recorded, because the database was unavailable.
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
        """Take the lease, or return the result if there is nothing to do. Raises LeaseHeld."""
        with writing(self._engine) as tx:
            state, lease_until = self._state(tx, event.id)
            began, now = self._monotonic(), self._clock(tx)
            if state == DONE:
                return Applied(before=frozenset({event.id}))
            if starts := self._starts.suspects(tx, [event.id]):
                expect_few_starts(starts[event.id])
                if not alone:
                    return Applied(suspects=frozenset({event.id}))
            mine = now + self._lease
            if not self._take_lease(tx, event, now, until=mine):
                raise LeaseHeld(max(lease_until - now, 0.1))
            batch_id = self._starts.begin(tx, [event.id])
            return _Start(batch_id, mine, began, was_suspect=bool(starts))

    def _expect_enough_lease(self, event: Event, start: "_Start") -> None:
        """Release the lease and raise if the commit was slow: a call must end before its lease."""
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
            self._starts.keep_as_crash(start.batch_id)
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
        """The call failed: release the lease, so that the next attempt need not wait for it.

        Releases only its own lease: if the call outlasted it, another process may have taken the
        next one. If the database is unavailable too, the lease expires.
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
        # The lease of an unfinished call stays, so that no process repeats the call before then.
        self._starts.close(self._engine)

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
    """A call that has begun, under a lease that expires at `lease_until`."""

    batch_id: str
    lease_until: float
    #: By the monotonic clock of this process.
    began: float
    was_suspect: bool
