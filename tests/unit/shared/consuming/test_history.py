"""The history of events: what is recorded and what is not."""

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, MetaData, Row, select

from shared.consuming.history import History, Note, Step, history_table
from shared.database.engine import open_database, reading
from shared.database.schema import create_schema
from shared.errors import DatabaseUnavailable
from shared.transport import Message
from tests.builders import THE_TIME, a_message
from tests.fakes import Outage

metadata = MetaData()
table = history_table(metadata)


@pytest.fixture
def engine(database_url: str) -> Engine:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    return engine


@pytest.fixture
def history(engine: Engine) -> History:
    return History(engine, table)


def rows(engine: Engine) -> list[Row[tuple[object, ...]]]:
    with reading(engine) as tx:
        return list(tx.execute(select(table).order_by(table.c.seq)))


@pytest.mark.parametrize(
    ("reason", "written"),
    [
        ("a\0b", "a\\0b"),
        ("half a character: \ud83d", "half a character: \\ud83d"),
        ("ümlaut, 注文, 🙂", "ümlaut, 注文, 🙂"),
    ],
    ids=["NUL", "surrogate", "other characters"],
)
def test_any_reason_can_be_written(
    history: History, engine: Engine, reason: str, written: str
) -> None:
    history.record(a_message(), Note(step=Step.RETRIED, reason=reason, after=1.0))
    [row] = rows(engine)
    assert row.reason == written


@pytest.mark.parametrize(
    "message",
    [
        replace(a_message(), id=""),
        replace(a_message(), id="has spaces"),
        replace(a_message(), id="a\0b"),
        replace(a_message(), key=""),
        replace(a_message(), key="x" * 65),
        replace(a_message(), key="\ud83d"),
    ],
    ids=["no id", "an odd id", "NUL in the id", "no order", "too long an order", "half an order"],
)
def test_events_without_an_id_of_ours_are_left_out(
    history: History, engine: Engine, message: Message
) -> None:
    good = a_message()
    history.record(message, Note(step=Step.DEAD_LETTERED, reason="odd"))
    history.record_all([message, good], Note(step=Step.REDRIVEN), THE_TIME)
    assert [row.event_id for row in rows(engine)] == [good.id]


def test_a_step_has_its_attempt_and_the_next_attempts_time(
    history: History, engine: Engine
) -> None:
    history.record(a_message(attempt=3), Note(step=Step.RETRIED, reason="no", after=30.0))
    [row] = rows(engine)
    assert (row.step, row.attempt, row.reason) == ("retried", 3, "no")
    assert (row.next_at - row.at).total_seconds() == 30.0


def test_an_unavailable_database_raises_an_error(history: History, engine: Engine) -> None:
    Outage(engine).is_on = True
    with pytest.raises(DatabaseUnavailable):
        history.record(a_message(), Note(step=Step.DEAD_LETTERED))
