"""A consumer's HTTP side, with the same effect and inbox as for deliveries."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import Engine, MetaData

from shared.consuming.consumer import Consumer
from shared.consuming.history import history_table
from shared.consuming.inbox import DONE, inbox_row, inbox_table
from shared.consuming.inbox_retention import note_forgotten
from shared.consuming.settle import read
from shared.consuming.tables import Tables
from shared.database.engine import open_database, writing
from shared.database.schema import create_schema
from shared.errors import DependencyUnavailable, LeaseHeld, PermanentError
from shared.events import Event
from shared.faults.injection import FaultInjector
from shared.faults.store import Faults, faults_table
from shared.http.app import MAX_BODY_BYTES
from shared.replay.appliers import ApplyOnce
from shared.replay.replayer import Replayer
from shared.replay.store import Replays
from shared.replay.table import replays_table
from shared.service.http_side import create_consumer_app
from shared.transport import Message, connect
from tests.builders import a_message
from tests.fakes import FakeEffect

metadata = MetaData()
inbox, history = inbox_table(metadata), history_table(metadata)
replays = replays_table(metadata)
faults = faults_table(metadata)
TOKEN = "a-token-for-operators"
AS_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


def some_effects(order_id: str | None) -> Iterator[Mapping[str, Any]]:
    yield from ({"orderId": id} for id in ("ord-1", "ord-2") if order_id in (None, id))


@pytest.fixture
def effect() -> FakeEffect:
    return FakeEffect()


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    return engine


@pytest.fixture
def client(effect: FakeEffect, engine: Engine, sqlite_url: str) -> FlaskClient:
    broker = connect(sqlite_url)
    consumer = Consumer("email", broker, effect)
    once = ApplyOnce(engine, inbox, effect, batch=1)
    archive = partial(broker.archive, "email")
    replayer = Replayer(Replays(engine, replays), archive, lambda _replay: once)
    app = create_consumer_app(
        consumer,
        engine,
        Tables(inbox, history),
        some_effects,
        replayer,
        injector=FaultInjector(Faults(engine, faults, allowed=False)),
        token=SecretStr(TOKEN),
    )
    return app.test_client()


def send(client: FlaskClient, message: Message) -> Any:
    headers = {"ce-id": message.id, "ce-type": message.type, "ce-time": message.time}
    return client.post("/events", data=message.body, headers=headers)


def test_an_event_is_applied_at_once_and_only_once(client: FlaskClient, effect: FakeEffect) -> None:
    message = a_message()
    answers = [send(client, message) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json["outcome"] for answer in answers] == ["applied", "applied_before"]
    assert effect.applied == [message.id]


def test_an_event_older_than_the_inbox_is_refused(
    client: FlaskClient, effect: FakeEffect, engine: Engine
) -> None:
    old, known = a_message(), a_message()
    with writing(engine) as tx:
        note_forgotten(tx, inbox, datetime.now(UTC))
        tx.execute(inbox.insert(), inbox_row(an_event_of(known), DONE))
    answer = send(client, old)
    assert (answer.status_code, effect.applied) == (422, [])
    assert "it may have been done" in answer.json["detail"]
    assert send(client, known).status_code == 200


def an_event_of(message: Message) -> Event:
    event = read(message)
    assert event
    return event


def test_an_unknown_type_is_ignored(client: FlaskClient, effect: FakeEffect) -> None:
    answer = send(client, a_message(type="order.cancelled"))
    assert (answer.status_code, answer.json) == (200, {"outcome": "ignored"})
    assert effect.batches == []


def test_an_invalid_event_is_refused(client: FlaskClient, effect: FakeEffect) -> None:
    answer = client.post("/events", data=b"{}", headers={"ce-type": "order.placed"})
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert effect.batches == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PermanentError("550 no such user"), 422),
        (LeaseHeld(2.5), 409),
        (DependencyUnavailable("mail server", "refused"), 503),
        (RuntimeError("a bug"), 500),
    ],
)
def test_an_error_of_the_effect_has_its_status(
    client: FlaskClient, effect: FakeEffect, error: Exception, status: int
) -> None:
    message = a_message()
    effect.errors[message.id] = error
    answer = send(client, message)
    assert answer.status_code == status
    assert answer.json["status"] == status
    assert ("Retry-After" in answer.headers) == (status in (409, 503))


def test_a_body_that_is_too_long_is_refused(client: FlaskClient, effect: FakeEffect) -> None:
    answer = client.post("/events", data=b" " * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert effect.batches == []


def test_effects_are_ndjson_and_can_be_filtered_by_order(client: FlaskClient) -> None:
    lines = client.get("/effects", headers=AS_OPERATOR).text.splitlines()
    assert [json.loads(line)["orderId"] for line in lines] == ["ord-1", "ord-2"]
    order: Any = client.get("/orders/ord-2").json
    assert (order["orderId"], order["effects"]) == ("ord-2", [{"orderId": "ord-2"}])


def test_a_consumer_that_is_not_running_is_live_but_not_ready(client: FlaskClient) -> None:
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json == {"ready": False, "reason": "the consumer has stopped", "unsettled": 0}


def test_a_wrong_path_is_a_problem_document(client: FlaskClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
