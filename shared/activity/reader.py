"""Reads recent activity from a service's inbox and history."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, func, select

from shared.activity.shapes import (
    APPLIED,
    LATELY_SECONDS,
    MOST_STEPS,
    RATE_SECONDS,
    WORKING,
    RecentStep,
    Rung,
)
from shared.consuming.history import Step as Kind
from shared.consuming.inbox import DONE
from shared.consuming.tables import Tables
from shared.database.engine import reading

#: Only the newest steps are searched for waiting retries: a history is read from its end.
MOST_RETRIES = 10_000
_ENDS = (Kind.DEAD_LETTERED, Kind.DISCARDED)


class ActivityReader:
    """Reads the same data in every process of a service. All methods raise DatabaseUnavailable."""

    def __init__(self, engine: Engine, tables: Tables) -> None:
        self._engine = engine
        self._inbox = tables.inbox
        self._history = tables.history

    def steps(self, now: datetime) -> tuple[RecentStep, ...]:
        """The steps of the last LATELY_SECONDS, newest first."""
        since = now - timedelta(seconds=LATELY_SECONDS)
        with reading(self._engine) as tx:
            rows = [*self._of_inbox(tx, since, now), *self._of_history(tx, since)]
        return tuple(sorted(rows, key=lambda step: step.at, reverse=True)[:MOST_STEPS])

    def _of_inbox(self, tx: Connection, since: datetime, now: datetime) -> Iterable[RecentStep]:
        inbox = self._inbox
        query = select(inbox).where(inbox.c.at > since).order_by(inbox.c.at.desc())
        for row in tx.execute(query.limit(MOST_STEPS)):
            if row.state == DONE or row.lease_until > now.timestamp():
                step = APPLIED if row.state == DONE else WORKING
                yield RecentStep(step, row.event_id, row.order_id, row.attempt, row.at)

    def _of_history(self, tx: Connection, since: datetime) -> Iterable[RecentStep]:
        history = self._history
        newest = select(history).order_by(history.c.seq.desc()).limit(MOST_STEPS)
        return (_step(row) for row in tx.execute(newest) if row.at > since)

    def applied_per_second(self, now: datetime) -> float:
        inbox = self._inbox
        lately = inbox.c.at > now - timedelta(seconds=RATE_SECONDS)
        done = select(func.count()).select_from(inbox).where(lately, inbox.c.state == DONE)
        with reading(self._engine) as tx:
            return (tx.scalar(done) or 0) / RATE_SECONDS

    def rungs(self, now: datetime) -> tuple[Rung, ...]:
        """The number of events that wait for their next attempt, by the length of the delay."""
        history = self._history
        newest = select(history.c.step, history.c.at, history.c.next_at)
        query = newest.order_by(history.c.seq.desc()).limit(MOST_RETRIES)
        with reading(self._engine) as tx:
            rows = tx.execute(query).all()
        ahead = [row for row in rows if row.step == Kind.RETRIED and row.next_at > now]
        counts = Counter(round((row.next_at - row.at).total_seconds(), 1) for row in ahead)
        return tuple(Rung(seconds, number) for seconds, number in sorted(counts.items()))

    def ended(self, order_ids: Sequence[str]) -> dict[str, str]:
        """`applied`, `dead_lettered` or `discarded` for each of these orders that has ended."""
        inbox = self._inbox
        done = select(inbox.c.order_id).where(
            and_(inbox.c.order_id.in_(order_ids), inbox.c.state == DONE)
        )
        with reading(self._engine) as tx:
            given_up = self._given_up(tx, order_ids)
            return given_up | dict.fromkeys(tx.scalars(done), APPLIED)

    def _given_up(self, tx: Connection, order_ids: Sequence[str]) -> dict[str, str]:
        history = self._history
        query = select(history).where(history.c.order_id.in_(order_ids))
        last = {row.order_id: row.step for row in tx.execute(query.order_by(history.c.seq))}
        return {order_id: step for order_id, step in last.items() if step in _ENDS}


def _step(row: Row[Any]) -> RecentStep:
    values = (row.step, row.event_id, row.order_id, row.attempt, row.at)
    return RecentStep(*values, reason=row.reason, next_at=row.next_at)
