"""Derives the state of one order at one service from the inbox and the history."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, Table, select

from shared.activity.shapes import (
    APPLIED,
    DEAD_LETTERED,
    DISCARDED,
    RETRYING,
    WAITING,
    WORKING,
    OrderState,
    RecordedStep,
)
from shared.consuming.history import Step
from shared.consuming.inbox import DONE
from shared.consuming.tables import Tables
from shared.database.engine import reading


def state_of_order(engine: Engine, tables: Tables, order_id: str, now: datetime) -> OrderState:
    """The state without the effects."""
    with reading(engine) as tx:
        inbox = tx.execute(_of(tables.inbox, order_id)).all()
        # Not sorted by seq alone: an operator's machine records steps with its own clock.
        history = tx.execute(_of(tables.history, order_id)).all()
    steps = sorted(history, key=lambda step: (step.at, step.seq))
    state = _from_inbox(inbox, now) or _from_steps(steps, now)
    return OrderState(order_id=order_id, **state, history=[_shown(step) for step in steps])


def _of(table: Table, order_id: str) -> Any:
    return select(table).where(table.c.order_id == order_id)


def _from_inbox(rows: Any, now: datetime) -> Mapping[str, Any]:
    """The state if the event is applied or in progress under a lease; {} otherwise."""
    for row in rows:
        if row.state == DONE:
            return _worked(APPLIED, row)
    for row in rows:
        if row.lease_until > now.timestamp():
            return _worked(WORKING, row)
    return {}


def _worked(state: str, row: Row[Any]) -> Mapping[str, Any]:
    times = {"started_at": row.started_at, "at": row.at}
    return {"state": state, "attempts": row.attempt, **times}


def _from_steps(steps: list[Row[Any]], now: datetime) -> Mapping[str, Any]:
    if not steps:
        return {"state": WAITING}
    last = steps[-1]
    match last.step:
        case Step.REDRIVEN:
            return {"state": WAITING, "at": last.at}
        case Step.RETRIED:
            # Once its delay is over it waits like any other event, even if the consumer is down.
            is_ahead = last.next_at > now
            state = {"state": RETRYING if is_ahead else WAITING, "next_at": last.next_at}
        case Step.DISCARDED:
            return {"state": DISCARDED, "attempts": _attempts(steps), "at": last.at}
        case _:
            state = {"state": DEAD_LETTERED}
    return {**state, "attempts": last.attempt, "at": last.at, "reason": last.reason or None}


def _attempts(steps: list[Row[Any]]) -> int:
    """From the dead letter: a discard that was made at the broker records no attempts."""
    given_up = (step.attempt for step in reversed(steps) if step.step == Step.DEAD_LETTERED)
    return int(next(given_up, steps[-1].attempt))


def _shown(step: Row[Any]) -> RecordedStep:
    return RecordedStep(
        event_id=step.event_id,
        step=step.step,
        attempt=step.attempt,
        reason=step.reason,
        next_at=step.next_at,
        at=step.at,
    )
