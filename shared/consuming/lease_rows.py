"""The inbox rows that hold leases. Each statement covers many events.

Every process first locks the existing rows, in the order of their ids, and then inserts the new
ones, in an order of their own. Nothing waits for an existing row after an insertion. This prevents
deadlocks.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, Double, Table, bindparam, or_, select, update

from shared.consuming.inbox import DONE, inbox_row
from shared.database.bulk_insert import Putting, insert_new_rows
from shared.events import Event

#: A lease that expires further ahead than this was taken with a wrong clock, and is ignored.
LONGEST_LEASE = 3600.0

SENDING = "sending"

_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_NOW: BindParameter[float] = bindparam("now", type_=Double())


class LeaseRow(NamedTuple):
    """What a row says; the defaults stand for no row."""

    state: str = ""
    lease_until: float = 0.0


class LeaseRows:
    """`lease`: how many seconds a lease lasts.

    The statements are made once: making one takes longer than PostgreSQL takes to execute it.
    """

    def __init__(self, inbox: Table, lease: float) -> None:
        self._inbox = inbox
        self._lease = lease
        id, until = inbox.c.event_id, inbox.c.lease_until
        row_of_each = select(id, inbox.c.state, until).where(id.in_(_IDS)).order_by(id)
        self._lock = row_of_each.with_for_update()
        is_over = or_(until <= _NOW, until > _NOW + max(LONGEST_LEASE, 2 * lease))
        self._taking = Putting(
            inbox,
            ("state", "lease_until", "attempt", "started_at", "at"),
            where=(inbox.c.state != DONE) & is_over,
        )
        # This lease only: if it has expired, another process may have taken the next.
        this_lease = (id == bindparam("id")) & (until == bindparam("until"))
        self._release = update(inbox).where(this_lease).values(lease_until=0.0)
        locked = select(id).where(id.in_(_IDS)).order_by(id).with_for_update()
        done = {"state": DONE, "lease_until": 0.0, "at": bindparam("done_at")}
        self._record = update(inbox).where(id.in_(locked)).values(done)

    def lock(self, tx: Connection, event_ids: Collection[str]) -> dict[str, LeaseRow]:
        """The existing rows by event id. No other process changes them until `tx` ends."""
        rows = tx.execute(self._lock, {"ids": list(event_ids)})
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
        again = self._taking.put(tx, [row for row in rows if row["event_id"] in found], now=now)
        new = [row for row in rows if row["event_id"] not in found]
        return sorted(again | insert_new_rows(tx, self._inbox, new))

    def release(self, tx: Connection, event_id: str, lease_until: float) -> None:
        tx.execute(self._release, {"id": event_id, "until": lease_until})

    def record(self, tx: Connection, event_ids: Collection[str]) -> None:
        """Record that these events are done."""
        tx.execute(self._record, {"ids": list(event_ids), "done_at": datetime.now(UTC)})
