"""A consumer's activity for monitoring: from its inbox, history, queue and faults."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import Engine, MetaData, inspect

from services.email.__main__ import compose
from services.email.schema import metadata, tables
from services.email.settings import EmailSettings
from shared.activity.reader import ActivityReader
from shared.activity.shapes import MOST_ORDERS, MOST_STEPS, Rung
from shared.activity.views import DepthCache
from shared.consuming.history import History, Note, Step
from shared.consuming.inbox import DONE, inbox_row, inbox_table
from shared.consuming.lease_rows import SENDING
from shared.database.engine import open_database, writing
from shared.database.schema import create_schema
from shared.errors import BrokerUnavailable
from shared.transport import Broker, Depth, connect
from tests.builders import a_message, an_event

history, inbox = tables.history, tables.inbox

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TOKEN = "a-token-for-operators"
AS_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    return engine


@pytest.fixture
def reader(engine: Engine) -> ActivityReader:
    return ActivityReader(engine, tables)


def applied(engine: Engine, *, ago: float, state: str = DONE, lease: float = 0.0) -> str:
    """Record an event that entered this state `ago` seconds before NOW; returns its order id."""
    event = an_event()
    row = inbox_row(event, state=state, lease_until=lease)
    with writing(engine) as tx:
        tx.execute(inbox.insert(), row | {"at": NOW - timedelta(seconds=ago)})
    return event.order.order_id


def noted(engine: Engine, step: Step, *, ago: float, after: float | None = None) -> str:
    message = a_message()
    note = Note(step=step, reason="of late", after=after)
    History(engine, history).record_all([message], note, NOW - timedelta(seconds=ago))
    return message.key


def test_recent_steps_are_listed_newest_first(engine: Engine, reader: ActivityReader) -> None:
    first, second = applied(engine, ago=3), noted(engine, Step.RETRIED, ago=2, after=1)
    third = applied(engine, ago=1, state=SENDING, lease=NOW.timestamp() + 5)
    applied(engine, ago=11)
    noted(engine, Step.DEAD_LETTERED, ago=11)
    found = [(step.order_id, step.step) for step in reader.steps(NOW)]
    assert found == [(third, "working"), (second, "retried"), (first, "applied")]


def test_an_expired_lease_is_not_work_in_progress(engine: Engine, reader: ActivityReader) -> None:
    applied(engine, ago=1, state=SENDING, lease=NOW.timestamp() - 1)
    assert reader.steps(NOW) == ()


def test_the_number_of_listed_steps_is_limited(engine: Engine, reader: ActivityReader) -> None:
    for _ in range(MOST_STEPS + 1):
        applied(engine, ago=1)
    assert len(reader.steps(NOW)) == MOST_STEPS


def test_the_rate_counts_events_applied_within_five_seconds(
    engine: Engine, reader: ActivityReader
) -> None:
    for ago in (1, 2, 4.9, 5.1):
        applied(engine, ago=ago)
    applied(engine, ago=1, state=SENDING)
    assert reader.applied_per_second(NOW) == 3 / 5


def test_a_rung_counts_its_waiting_retries(engine: Engine, reader: ActivityReader) -> None:
    noted(engine, Step.RETRIED, ago=2, after=5)
    noted(engine, Step.RETRIED, ago=4.5, after=5)
    noted(engine, Step.RETRIED, ago=2, after=1)
    noted(engine, Step.RETRIED, ago=2, after=30)
    assert reader.rungs(NOW) == (Rung(5.0, 2), Rung(30.0, 1))


def test_the_outcome_of_orders_is_looked_up_by_id(engine: Engine, reader: ActivityReader) -> None:
    done, dead = applied(engine, ago=99), noted(engine, Step.DEAD_LETTERED, ago=99)
    going_on = [noted(engine, Step.RETRIED, ago=9, after=1), applied(engine, ago=9, state=SENDING)]
    back = noted(engine, Step.REDRIVEN, ago=9)
    asked = [done, dead, back, *going_on, "ord-of-nobody"]
    assert reader.ended(asked) == {done: "applied", dead: "dead_lettered"}


def test_a_redriven_and_applied_dead_letter_counts_as_applied(
    engine: Engine, reader: ActivityReader
) -> None:
    event = an_event()
    message = a_message(event)
    for step in (Step.DEAD_LETTERED, Step.REDRIVEN):
        History(engine, history).record_all([message], Note(step=step), NOW)
    assert reader.ended([message.key]) == {}
    with writing(engine) as tx:
        tx.execute(inbox.insert(), inbox_row(event, state=DONE))
    assert reader.ended([message.key]) == {message.key: "applied"}


def test_the_broker_is_queried_at_most_twice_per_second() -> None:
    asked: list[float] = []
    times = iter([100.0, 100.0, 100.4, 100.6, 100.6])

    def count() -> Depth:
        asked.append(1.0)
        return Depth(len(asked), 0, 0)

    counted = DepthCache(count, clock=lambda: next(times))
    assert [counted.now()[0], counted.now()[0], counted.now()[0]] == [
        Depth(1, 0, 0),
        Depth(1, 0, 0),
        Depth(2, 0, 0),
    ]


def test_an_unavailable_broker_is_reported() -> None:
    def unavailable() -> Depth:
        raise BrokerUnavailable("no connection")

    assert DepthCache(unavailable).now() == (None, "no connection")


def test_an_older_database_gets_the_index(sqlite_url: str) -> None:
    engine = open_database(sqlite_url)
    old = MetaData()
    inbox_table(old)
    for index in list(old.tables["inbox"].indexes):
        if index.name == "ix_inbox_at":
            old.tables["inbox"].indexes.remove(index)
    create_schema(engine, old)
    assert "ix_inbox_at" not in indexes(engine)
    create_schema(engine, metadata)
    assert "ix_inbox_at" in indexes(engine)


def indexes(engine: Engine) -> set[str | None]:
    return {index["name"] for index in inspect(engine).get_indexes("inbox")}


# --- over HTTP -----------------------------------------------------------------------------------


@pytest.fixture
def broker(tmp_path: Path) -> Broker:
    broker = connect(f"sqlite:///{tmp_path / 'broker.db'}")
    broker.declare(["email"])
    return broker


Open = Callable[..., FlaskClient]


@pytest.fixture
def client(engine: Engine, broker: Broker, tmp_path: Path, sqlite_url: str) -> FlaskClient:
    """Email's HTTP side, without its consumer."""
    settings = EmailSettings(
        broker_url=f"sqlite:///{tmp_path / 'broker.db'}",
        database_url=sqlite_url,
        operator_token=SecretStr(TOKEN),
        faults_allowed=True,
    )
    return compose(settings, broker=broker).app.test_client()


def test_operators_get_everything_in_one_response(client: FlaskClient, broker: Broker) -> None:
    with broker.publisher() as publisher:
        publisher.publish([a_message()])
    client.post("/faults", json={"latency": "2"}, headers=AS_OPERATOR)
    found = client.get("/activity", headers=AS_OPERATOR).get_json()
    assert len(found.pop("process")) == 8
    assert found == {
        "service": "email",
        "reason": "the consumer has stopped",
        "queue": {"ready": 1, "retrying": 0, "dead": 0, "countsHeld": True},
        "queueReason": None,
        "unsettled": 0,
        "rungs": [],
        "appliedPerSecond": 0.0,
        "faultsAllowed": True,
        "faults": [{"kind": "latency", "value": "2", "secondsLeft": None}],
        "steps": [],
    }
    assert client.get("/activity").status_code == 401


def test_monitoring_works_during_an_outage(client: FlaskClient) -> None:
    client.post("/faults", json={"outage": True}, headers=AS_OPERATOR)
    assert client.get("/effects", headers=AS_OPERATOR).status_code == 503
    assert client.get("/activity", headers=AS_OPERATOR).status_code == 200
    asked = client.post("/activity/ended", json={"orders": ["ord-1"]}, headers=AS_OPERATOR)
    assert (asked.status_code, asked.get_json()) == (200, {"ended": {}})


def test_too_many_orders_and_invalid_queries_are_refused(client: FlaskClient) -> None:
    many = {"orders": ["ord-1"] * (MOST_ORDERS + 1)}
    assert client.post("/activity/ended", json=many, headers=AS_OPERATOR).status_code == 422
    assert client.post("/activity/ended", data=b"<", headers=AS_OPERATOR).status_code == 400
    odd = client.post("/activity/ended", json={"orders": ["\0"]}, headers=AS_OPERATOR)
    assert odd.status_code == 200
