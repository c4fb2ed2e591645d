"""What one service has done with one order, told from its inbox and its history."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, Table, select

from shared.consuming.history import Step
from shared.consuming.inbox import DONE
from shared.consuming.tables import Tables
from shared.database.engine import reading

APPLIED = "applied"
WORKING = "working"
RETRYING = "retrying"
DEAD_LETTERED = "dead_lettered"
DISCARDED = "discarded"
WAITING = "waiting"


def state_of_order(engine: Engine, tables: Tables, order_id: str, now: datetime) -> dict[str, Any]:
    """`{"state", "attempts", "startedAt", "at", "reason", "nextAt", "history": [{"step", …}]}`.

    `attempts`: how many were begun since the event was first delivered or last redriven. `at`:
    when it came into this state; None where this service has not seen the event yet.
    `startedAt`: when the work began that is done, or that goes on.
    """
    with reading(engine) as tx:
        inbox = tx.execute(_of(tables.inbox, order_id)).all()
        # The clocks of an operator's machine and of this one decide the order of two steps.
        history = tx.execute(_of(tables.history, order_id)).all()
    steps = sorted(history, key=lambda step: (step.at, step.seq))
    return {
        "state": WAITING,
        "attempts": 0,
        "startedAt": None,
        "at": None,
        "reason": None,
        "nextAt": None,
        **(_from_inbox(inbox, now) or _from_steps(steps, now)),
        "history": list(_shown(steps)),
    }


def _of(table: Table, order_id: str) -> Any:
    return select(table).where(table.c.order_id == order_id)


def _from_inbox(rows: Any, now: datetime) -> Mapping[str, Any]:
    """Applied, or in work under a lease; {} when neither."""
    for row in rows:
        if row.state == DONE:
            return _worked(APPLIED, row)
    for row in rows:
        if row.lease_until > now.timestamp():
            return _worked(WORKING, row)
    return {}


def _worked(state: str, row: Row[Any]) -> Mapping[str, Any]:
    times = {"startedAt": row.started_at, "at": row.at}
    return {"state": state, "attempts": row.attempt, **times}


def _from_steps(steps: list[Row[Any]], now: datetime) -> Mapping[str, Any]:
    if not steps:
        return {}
    last = steps[-1]
    match last.step:
        case Step.REDRIVEN:
            return {"at": last.at}
        case Step.RETRIED:
            # Once its time has come it waits like any other, for a consumer that may be down.
            is_ahead = last.next_at > now
            state = {"state": RETRYING if is_ahead else WAITING, "nextAt": last.next_at}
        case Step.DISCARDED:
            return {"state": DISCARDED, "attempts": _attempts(steps), "at": last.at}
        case _:
            state = {"state": DEAD_LETTERED}
    return {**state, "attempts": last.attempt, "at": last.at, "reason": last.reason or None}


def _attempts(steps: list[Row[Any]]) -> int:
    """Told by the dead letter: who discards it at the broker itself does not say how many."""
    given_up = (step.attempt for step in reversed(steps) if step.step == Step.DEAD_LETTERED)
    return int(next(given_up, steps[-1].attempt))


def _shown(steps: list[Row[Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield {
            "eventId": step.event_id,
            "step": step.step,
            "attempt": step.attempt,
            "reason": step.reason,
            "nextAt": step.next_at,
            "at": step.at,
        }
