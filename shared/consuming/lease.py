"""Effects outside of the database (an email, a text), which no transaction covers.

A lease records that a process is working on an event. It does not record that the work was done:
once the lease has expired, the work is repeated, under the same event id, by which the
downstream system can recognise a repeat.

Each event has its own lease. The threads of a process share the transactions that take leases and
record results, but nothing else: each event is sent, released and retried by itself.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Table

from shared.consuming.crash_suspects import StartLog, too_many_starts
from shared.consuming.effect import Applied
from shared.consuming.inbox import DONE
from shared.consuming.lease_rows import LeaseRow, LeaseRows
from shared.database.engine import clock_of, writing
from shared.database.group_commit import GroupCommit
from shared.errors import DatabaseUnavailable, LeaseHeld
from shared.events import Event

#: The most seconds between taking a lease and the call; the rest of the lease covers the call.
LATEST_START = 2.0


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
        self._rows = LeaseRows(inbox, lease)
        self._starts = starts
        self._send = send
        self._lease = lease
        self._clock = clock
        self._monotonic = monotonic
        self._claims = GroupCommit(self._claim_all)
        self._records = GroupCommit(self._record_all)
        #: Done, but not recorded, because the database was unavailable.
        self._unrecorded: dict[str, _Start] = {}

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        [event] = events
        start = self._unrecorded.get(event.id)
        if start is None:
            claimed = self._claims.do(_Claim(event, alone=alone))
            if isinstance(claimed, Exception):
                raise claimed
            if isinstance(claimed, Applied):
                return claimed
            start = claimed
            self._expect_enough_lease(start)
            self._call(event, start)
        self._records.do(start)
        return Applied(now=frozenset({event.id}))

    # --- before the call ---------------------------------------------------------------------

    def _claim_all(self, claims: "Sequence[_Claim]") -> "list[_Start | Applied | Exception]":
        """Take a lease for each, or return the result if there is nothing to do, or the error."""
        with writing(self._engine) as tx:
            ids = {claim.event.id for claim in claims}
            found = self._rows.lock(tx, ids)
            began, now = self._monotonic(), self._clock(tx)
            starts = self._starts.suspects(tx, list(ids))
            ends = [_end(claim, found, starts) for claim in claims]
            open_claims = [claim for claim, end in zip(claims, ends, strict=True) if end is None]
            # By id: two threads may have the same event, of which one can have the lease.
            events = {claim.event.id: claim.event for claim in open_claims}
            taken = self._rows.take(tx, list(events.values()), found, now)
            batch_ids = self._starts.begin_each(tx, taken)

        def start(event_id: str) -> _Start | LeaseHeld:
            if batch_id := batch_ids.pop(event_id, None):
                was_suspect = event_id in starts
                return _Start(event_id, batch_id, now + self._lease, began, was_suspect)
            held_until = found.get(event_id, LeaseRow()).lease_until
            return LeaseHeld(max(held_until - now, 0.1))

        return [end or start(claim.event.id) for claim, end in zip(claims, ends, strict=True)]

    def _expect_enough_lease(self, start: "_Start") -> None:
        """Release the lease and raise if the commit was slow: a call must end before its lease."""
        waited = self._monotonic() - start.began
        if waited > LATEST_START:
            self._release(start)
            raise DatabaseUnavailable(f"it took {waited:.1f} s to take a lease")

    # --- the call, and after it --------------------------------------------------------------

    def _call(self, event: Event, start: "_Start") -> None:
        try:
            self._send(event)
        except Exception:
            self._release(start)
            raise
        except BaseException:
            self._starts.keep_as_crash(start.batch_id)
            raise
        self._unrecorded[event.id] = start

    def _release(self, start: "_Start") -> None:
        """The call failed: release the lease, so that the next attempt need not wait for it.

        If the database is unavailable too, the lease expires.
        """
        try:
            with self._starts.ending(self._engine, start.batch_id) as tx:
                self._rows.release(tx, start.event_id, start.lease_until)
        except DatabaseUnavailable:
            self._starts.end_later(start.batch_id)

    def _record_all(self, starts: "Sequence[_Start]") -> list[None]:
        batch_ids = [start.batch_id for start in starts]
        with self._starts.ending(self._engine, *batch_ids) as tx:
            self._rows.record(tx, [start.event_id for start in starts])
            if suspects := {start.event_id for start in starts if start.was_suspect}:
                self._starts.forget(tx, suspects)
        for start in starts:
            self._unrecorded.pop(start.event_id, None)
        return [None] * len(starts)

    def record_the_rest(self) -> None:
        if unrecorded := list(self._unrecorded.values()):
            self._record_all(unrecorded)
        # The lease of an unfinished call stays, so that no process repeats the call before then.
        self._starts.close(self._engine)

    def given_up(self, event_id: str) -> None:
        with writing(self._engine) as tx:
            self._starts.forget(tx, {event_id})


def _end(
    claim: "_Claim", found: Mapping[str, LeaseRow], starts: Mapping[str, int]
) -> Applied | Exception | None:
    """Why this event is not to be sent now; None if it is, once it has a lease."""
    id = claim.event.id
    if found.get(id, LeaseRow()).state == DONE:
        return Applied(before=frozenset({id}))
    if error := too_many_starts(starts.get(id, 0)):
        return error
    if id in starts and not claim.alone:
        return Applied(suspects=frozenset({id}))
    return None


@dataclass(frozen=True, slots=True)
class _Claim:
    event: Event
    alone: bool


@dataclass(frozen=True, slots=True)
class _Start:
    """A call that has begun, under a lease that expires at `lease_until`."""

    event_id: str
    batch_id: str
    lease_until: float
    #: By the monotonic clock of this process.
    began: float
    was_suspect: bool
