"""Effects outside of the database (an email, a text), where no transaction reaches.

A lease says that somebody is at it, and the id under which the far end can recognise a repeat
is always the event's. A lease is not a record that the work was done: one that has ended means
that the work is done again.
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

#: Seconds between taking a lease and the call, at most: what is left then covers the call.
LATEST_START = 2.0

#: A lease that ends later than this from now was taken by a clock that was wrong, and is over.
LONGEST_LEASE = 3600.0

SENDING = "sending"


class LeasedEffect:
    """An effect outside of every transaction: claim with a lease, do it, record that it was done.

    `lease` is in seconds and exceeds the longest time that `send` can take by more than
    LATEST_START. It is told by the database's clock, the same for every replica.
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
                expect_few_starts(starts[event.id])
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
