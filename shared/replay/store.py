"""Stores the replays of a service: begins them, keeps their leases and counts, ends them.

The process that runs a replay renews its lease. An expired lease means that the process crashed:
the replay was interrupted, and can be run again.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, select, update
from sqlalchemy.exc import IntegrityError

from shared.database.engine import clock_of, insert, reading, writing
from shared.errors import ReplayRefused
from shared.replay.shapes import INTERRUPTED, RUNNING
from shared.replay.table import Request, StoredReplay, to_replay
from shared.replay.tally import Tally

#: Seconds until a replay whose process crashed counts as interrupted.
LEASE = 10.0
#: The number of replays kept, besides those that have sent something again.
KEPT = 100

WAS_INTERRUPTED = "its process crashed; run it again: applied events stay applied"

Clock = Callable[[Connection], float]


class Replays:
    def __init__(
        self,
        engine: Engine,
        table: Table,
        *,
        clock: Clock = clock_of,
        lease: float = LEASE,
    ) -> None:
        self.lease = lease
        self._engine = engine
        self._table = table
        self._clock = clock

    def begin(self, request: Request) -> StoredReplay:
        """Store a new replay as running. Raises ReplayRefused while another one is running."""
        return self._run(uuid.uuid4().hex[:12], request)

    def begin_again(self, replay_id: str) -> StoredReplay:
        """Run a replay again, under its own id. Raises ReplayRefused."""
        replay = self.find(replay_id)
        if replay is None:
            raise ReplayRefused(f"there is no replay {replay_id}")
        return self._run(replay.id, _again(replay))

    def _run(self, replay_id: str, request: Request) -> StoredReplay:
        try:
            with writing(self._engine) as tx:
                self._expire(tx)
                values = self._as_new(request, self._clock(tx))
                row = {"id": replay_id, "started_at": datetime.now(UTC), **values}
                if running := tx.scalar(self._running()):
                    raise ReplayRefused(f"replay {running} is running: wait until it has ended")
                self._forget_oldest(tx)
                statement = insert(tx, self._table).on_conflict_do_update(
                    index_elements=["id"], set_=values
                )
                return to_replay(tx.execute(statement.returning(self._table), row).one())
        except IntegrityError as error:
            # Another process was faster; the unique index allows only one.
            raise ReplayRefused("another replay has just begun") from error

    def _as_new(self, request: Request, now: float) -> dict[str, Any]:
        return {
            "state": RUNNING,
            "start": request.start,
            "past": request.end,
            "dry_run": request.dry_run,
            "resend": request.resend,
            "tally": Tally().document(),
            "reason": None,
            "run": uuid.uuid4().hex,
            "lease_until": now + self.lease,
            "ended_at": None,
        }

    def find(self, replay_id: str) -> StoredReplay | None:
        """The replay, or None; marks it as interrupted first if its process crashed."""
        table = self._table
        with reading(self._engine) as tx:
            row = tx.execute(select(table).where(table.c.id == replay_id)).one_or_none()
            now = self._clock(tx)
        if row is not None and row.state == RUNNING and row.lease_until <= now:
            self.expire()
            return self.find(replay_id)
        return None if row is None else to_replay(row)

    def newest(self, limit: int = KEPT) -> list[StoredReplay]:
        self.expire()
        query = select(self._table).order_by(self._table.c.started_at.desc()).limit(limit)
        with reading(self._engine) as tx:
            return [to_replay(row) for row in tx.execute(query)]

    def expire(self) -> None:
        """Mark running replays with an expired lease as interrupted."""
        with writing(self._engine) as tx:
            self._expire(tx)

    def progress(self, replay: StoredReplay, tally: Tally | None = None) -> bool:
        """Renew the lease and store the tally; False if another run has taken the replay over."""
        values = {} if tally is None else {"tally": tally.document()}
        with writing(self._engine) as tx:
            lease = {"lease_until": self._clock(tx) + self.lease}
            return self._update(tx, replay, {**values, **lease})

    def end(
        self, replay: StoredReplay, state: str, tally: Tally, reason: str | None = None
    ) -> bool:
        values = {"state": state, "reason": reason, "ended_at": datetime.now(UTC)}
        with writing(self._engine) as tx:
            return self._update(tx, replay, {**values, "tally": tally.document()})

    def _update(self, tx: Connection, replay: StoredReplay, values: Mapping[str, Any]) -> bool:
        table = self._table
        mine = (table.c.id == replay.id) & (table.c.run == replay.run) & (table.c.state == RUNNING)
        return tx.execute(update(table).where(mine).values(**values)).rowcount == 1

    def _running(self) -> Any:
        return select(self._table.c.id).where(self._table.c.state == RUNNING).limit(1)

    def _expire(self, tx: Connection) -> None:
        table = self._table
        is_over = (table.c.state == RUNNING) & (table.c.lease_until <= self._clock(tx))
        values = {"state": INTERRUPTED, "reason": WAS_INTERRUPTED, "ended_at": datetime.now(UTC)}
        tx.execute(update(table).where(is_over).values(**values))

    def _forget_oldest(self, tx: Connection) -> None:
        newest = select(self._table.c.id).order_by(self._table.c.started_at.desc()).limit(KEPT - 1)
        is_old = self._table.c.id.not_in(newest)
        # Messages that a replay has sent again carry its id for ever, and the audit looks it up.
        has_sent = self._table.c.resend & ~self._table.c.dry_run
        tx.execute(delete(self._table).where(is_old, ~has_sent))


def _again(replay: StoredReplay) -> Request:
    """The same request; for a resend without an end, events since its first run are excluded."""
    request = replay.request
    if not request.resend or request.end is not None:
        return request
    return Request(request.start, replay.started_at.isoformat(), request.dry_run, request.resend)
