"""One shipment per order with a stable id, and the time when the service joined."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from services.shipping.handler import create_shipments, forget_shipments, shipment_id
from services.shipping.joining import joined_at, note_joining
from services.shipping.schema import metadata, tables
from services.shipping.shipments import list_shipments, shipment_views
from shared.consuming.crash_suspects import StartLog
from shared.consuming.inbox import TransactionalEffect
from shared.database.engine import open_database, writing
from shared.database.schema import create_schema
from shared.errors import BrokerUnavailable
from shared.events import Event
from shared.http.app import create_app
from tests.builders import an_event, an_item
from tests.fakes import FakeBroker

inbox, starts = tables.inbox, tables.starts


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    app = create_app()
    app.register_blueprint(shipment_views(engine))
    return app.test_client()


def ship(engine: Engine, *events: Event) -> None:
    TransactionalEffect(engine, inbox, StartLog(starts), create_shipments).apply(events)


def without_time(shipment: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shipment.items() if name != "at"}


def test_each_order_has_one_shipment_with_all_its_items(engine: Engine) -> None:
    event = an_event(an_item("kettle", 2), an_item("filters", 3))
    ship(engine, event, an_event())
    ship(engine, event)
    [shipment] = list_shipments(engine, event.order.order_id)
    assert without_time(shipment) == {
        "shipmentId": shipment_id(event),
        "eventId": event.id,
        "orderId": event.order.order_id,
        "items": 5,
        "state": "created",
    }
    assert len(list(list_shipments(engine, None))) == 2


def test_a_shipment_can_be_looked_up(engine: Engine, client: FlaskClient) -> None:
    event = an_event()
    ship(engine, event)
    answer = client.get(f"/shipments/{shipment_id(event)}")
    assert answer.get_json(force=True)["orderId"] == event.order.order_id


@pytest.mark.parametrize("id", ["shp-unknown", "%00", "-", "a" * 65])
def test_an_unknown_shipment_is_a_problem(client: FlaskClient, id: str) -> None:
    answer = client.get(f"/shipments/{id}")
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


def test_a_rewritten_shipment_keeps_its_id(engine: Engine) -> None:
    event = an_event()
    ship(engine, event)
    before = [without_time(row) for row in list_shipments(engine, None)]
    with writing(engine) as tx:
        forget_shipments(tx, [event.id])
        create_shipments(tx, [event])
    assert [without_time(row) for row in list_shipments(engine, None)] == before


def test_it_has_joined_once_its_queues_exist(engine: Engine, client: FlaskClient) -> None:
    broker = FakeBroker()
    broker.lacking = ["shipping_service_queue"]
    note_joining(engine, broker, "shipping")
    assert joined_at(engine) is None
    assert client.get("/joined").json == {"at": None}

    broker.lacking = []
    began = datetime.now(UTC)
    note_joining(engine, broker, "shipping")
    at = joined_at(engine)
    assert at
    assert began <= at <= datetime.now(UTC)
    assert datetime.fromisoformat(client.get("/joined").get_json(force=True)["at"]) == at


def test_on_kafka_it_has_joined_at_the_oldest_event(engine: Engine) -> None:
    broker = FakeBroker()
    broker.oldest = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    note_joining(engine, broker, "shipping")
    assert joined_at(engine) == broker.oldest


def test_the_time_of_joining_is_stored(engine: Engine) -> None:
    note_joining(engine, FakeBroker(), "shipping")
    at = joined_at(engine)
    note_joining(engine, _Unavailable(), "shipping")
    assert joined_at(engine) == at


class _Unavailable(FakeBroker):
    def missing(self, services: object) -> list[str]:
        raise BrokerUnavailable("down")
