"""A service's state of one order, from its inbox and history."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, MetaData

from shared.activity.order_state import state_of_order
from shared.activity.shapes import OrderState
from shared.consuming.history import History, Note, Step, history_table
from shared.consuming.inbox import DONE, inbox_table
from shared.consuming.lease_rows import SENDING
from shared.consuming.tables import Tables
from shared.database.engine import open_database, writing
from shared.database.schema import create_schema
from shared.transport import Message
from tests.builders import THE_TIME, a_message

metadata = MetaData()
tables = Tables(inbox_table(metadata), history_table(metadata))
THE_ORDER = "ord-1"

State = dict[str, Any]
StateAfter = Callable[..., State]


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    return engine


@pytest.fixture
def state_after(engine: Engine) -> StateAfter:
    """A function that returns the state with its details, `after` seconds after THE_TIME."""

    def state_after(seconds: float = 100.0) -> State:
        found = state_of_order(engine, tables, THE_ORDER, at(seconds))
        left_out = ("orderId", "history", "effects")
        return {name: value for name, value in shown(found).items() if name not in left_out}

    return state_after


def shown(state: OrderState) -> State:
    """The state as in JSON, except for times."""
    shown: State = msgspec.to_builtins(state, builtin_types=[datetime])
    return shown


def at(seconds: float) -> datetime:
    return THE_TIME + timedelta(seconds=seconds)


def state(name: str, attempts: int, seconds: float | None, **more: Any) -> State:
    """The expected state; details that are not given must be None."""
    when = None if seconds is None else at(seconds)
    nothing: State = {"startedAt": None, "reason": None, "nextAt": None}
    return {"state": name, "attempts": attempts, "at": when} | nothing | more


def note(
    engine: Engine,
    step: Step,
    seconds: float,
    attempt: int = 1,
    order: str = THE_ORDER,
    **more: Any,
) -> None:
    message = Message(id="evt-1", key=order, type="", source="", time="", body=b"", attempt=attempt)
    History(engine, tables.history).record_all([message], Note(step=step, **more), at(seconds))


def inbox(engine: Engine, state: str, *, attempt: int = 1, lease_until: float = 0.0) -> None:
    row = {
        "event_id": a_message().id,
        "order_id": THE_ORDER,
        "state": state,
        "attempt": attempt,
        "lease_until": lease_until,
        "event_time": THE_TIME,
        "started_at": at(0.5),
        "at": at(1),
    }
    with writing(engine) as tx:
        tx.execute(tables.inbox.insert(), row)


def test_an_order_without_records_is_waiting(state_after: StateAfter) -> None:
    assert state_after() == state("waiting", 0, None)


def test_records_of_other_orders_do_not_count(engine: Engine, state_after: StateAfter) -> None:
    note(engine, Step.DEAD_LETTERED, 1, order="ord-2")
    assert state_after() == state("waiting", 0, None)


def test_under_a_lease_it_is_in_progress(engine: Engine, state_after: StateAfter) -> None:
    inbox(engine, SENDING, attempt=2, lease_until=at(60).timestamp())
    assert state_after(59) == state("working", 2, 1, startedAt=at(0.5))


def test_an_expired_lease_is_not_work_in_progress(engine: Engine, state_after: StateAfter) -> None:
    inbox(engine, SENDING, lease_until=at(60).timestamp())
    assert state_after(61) == state("waiting", 0, None)


def test_before_the_next_attempt_it_is_to_be_retried(
    engine: Engine, state_after: StateAfter
) -> None:
    note(engine, Step.RETRIED, 1, attempt=2, reason="550", after=5.0)
    assert state_after(5.9) == state("retrying", 2, 1, reason="550", nextAt=at(6))


def test_once_the_next_attempt_is_due_it_is_waiting(
    engine: Engine, state_after: StateAfter
) -> None:
    note(engine, Step.RETRIED, 1, attempt=2, reason="550", after=5.0)
    assert state_after(6.1) == state("waiting", 2, 1, reason="550", nextAt=at(6))


def test_an_applied_order_has_its_number_of_attempts(
    engine: Engine, state_after: StateAfter
) -> None:
    note(engine, Step.RETRIED, 0.5, reason="550", after=0.1)
    inbox(engine, DONE, attempt=2)
    assert state_after() == state("applied", 2, 1, startedAt=at(0.5))


def test_an_applied_order_stays_applied_despite_a_duplicate(
    engine: Engine, state_after: StateAfter
) -> None:
    inbox(engine, DONE)
    note(engine, Step.DEAD_LETTERED, 50, reason="a repeat")
    assert state_after() == state("applied", 1, 1, startedAt=at(0.5))


def test_a_dead_letter_has_its_reason(engine: Engine, state_after: StateAfter) -> None:
    note(engine, Step.DEAD_LETTERED, 3, attempt=4, reason="gave up")
    assert state_after() == state("dead_lettered", 4, 3, reason="gave up")


def test_a_redriven_order_is_waiting_with_all_attempts_left(
    engine: Engine, state_after: StateAfter
) -> None:
    note(engine, Step.DEAD_LETTERED, 3, attempt=4, reason="gave up")
    note(engine, Step.REDRIVEN, 9)
    assert state_after() == state("waiting", 0, 9)


def test_a_discarded_order_keeps_its_dead_letters_attempts(
    engine: Engine, state_after: StateAfter
) -> None:
    note(engine, Step.DEAD_LETTERED, 3, attempt=4, reason="gave up")
    note(engine, Step.DISCARDED, 9)
    assert state_after() == state("discarded", 4, 9)


def test_the_attempts_before_a_redrive_do_not_count(
    engine: Engine, state_after: StateAfter
) -> None:
    note(engine, Step.DEAD_LETTERED, 3, attempt=4)
    note(engine, Step.REDRIVEN, 5)
    note(engine, Step.DEAD_LETTERED, 6, attempt=1)
    note(engine, Step.DISCARDED, 9)
    assert state_after() == state("discarded", 1, 9)


def test_the_later_step_wins_in_any_order_of_writing(
    engine: Engine, state_after: StateAfter
) -> None:
    """An operator's notice may be written after the service has handled the event again."""
    note(engine, Step.DEAD_LETTERED, 3, reason="gave up")
    note(engine, Step.DEAD_LETTERED, 20, reason="gave up again")
    note(engine, Step.REDRIVEN, 9)
    assert state_after() == state("dead_lettered", 1, 20, reason="gave up again")


def test_the_last_written_of_two_simultaneous_steps_wins(
    engine: Engine, state_after: StateAfter
) -> None:
    note(engine, Step.DEAD_LETTERED, 3)
    note(engine, Step.REDRIVEN, 3)
    assert state_after() == state("waiting", 0, 3)


def test_the_history_is_sorted_by_time(engine: Engine) -> None:
    note(engine, Step.DEAD_LETTERED, 8, attempt=2, reason="gave up")
    note(engine, Step.RETRIED, 2, reason="550", after=5.0)
    found = state_of_order(engine, tables, THE_ORDER, at(100))
    assert shown(found)["history"] == [
        {
            "eventId": "evt-1",
            "step": "retried",
            "attempt": 1,
            "reason": "550",
            "nextAt": at(7),
            "at": at(2),
        },
        {
            "eventId": "evt-1",
            "step": "dead_lettered",
            "attempt": 2,
            "reason": "gave up",
            "nextAt": None,
            "at": at(8),
        },
    ]
