"""The inbox rows that hold leases. Each statement covers many events.

Every process first locks the existing rows, in the order of their ids, and then inserts the new
ones, in an order of their own. Nothing waits for an existing row after an insertion. This prevents
deadlocks.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, or_, select, update

from shared.consuming.inbox import DONE, inbox_row
from shared.database.bulk_insert import insert_new_rows, put_rows
from shared.events import Event

#: A lease that expires further ahead than this was taken with a wrong clock, and is ignored.
LONGEST_LEASE = 3600.0

SENDING = "sending"


class LeaseRow(NamedTuple):
    """What a row says; the defaults stand for no row."""

    state: str = ""
    lease_until: float = 0.0


class LeaseRows:
    """`lease`: how many seconds a lease lasts."""

    def __init__(self, inbox: Table, lease: float) -> None:
        self._inbox = inbox
        self._lease = lease

    def lock(self, tx: Connection, event_ids: Collection[str]) -> dict[str, LeaseRow]:
        """The existing rows by event id. No other process changes them until `tx` ends."""
        inbox = self._inbox
        query = select(inbox.c.event_id, inbox.c.state, inbox.c.lease_until)
        query = query.where(inbox.c.event_id.in_(event_ids)).order_by(inbox.c.event_id)
        rows = tx.execute(query.with_for_update())
        return {event_id: LeaseRow(state, until) for event_id, state, until in rows}

    def take(
        self, tx: Connection, events: Sequence[Event], found: Mapping[str, LeaseRow], now: float
    ) -> list[str]:
        """Take the lease on each event that is neither done nor leased; return the ids of those.

        `found`: what `lock` returned. A row that another process has inserted since then is its.
        """
        until = now + self._lease
        in_order = sorted(events, key=lambda event: event.id)
        rows = [inbox_row(event, SENDING, lease_until=until) for event in in_order]
        again = put_rows(
            tx,
            self._inbox,
            [row for row in rows if row["event_id"] in found],
            replaced=("state", "lease_until", "attempt", "started_at", "at"),
            where=(self._inbox.c.state != DONE) & self._is_over(now),
        )
        new = [row for row in rows if row["event_id"] not in found]
        return sorted(again | insert_new_rows(tx, self._inbox, new))

    def _is_over(self, now: float) -> ColumnElement[bool]:
        until = self._inbox.c.lease_until
        return or_(until <= now, until > now + max(LONGEST_LEASE, 2 * self._lease))

    def release(self, tx: Connection, event_id: str, lease_until: float) -> None:
        """Release this lease only: if it has expired, another process may have taken the next."""
        inbox = self._inbox
        row = (inbox.c.event_id == event_id) & (inbox.c.lease_until == lease_until)
        tx.execute(update(inbox).where(row).values(lease_until=0.0))

    def record(self, tx: Connection, event_ids: Collection[str]) -> None:
        """Record that these events are done."""
        id = self._inbox.c.event_id
        locked = select(id).where(id.in_(event_ids)).order_by(id).with_for_update()
        done = {"state": DONE, "lease_until": 0.0, "at": datetime.now(UTC)}
        tx.execute(update(self._inbox).where(id.in_(locked)).values(done))
