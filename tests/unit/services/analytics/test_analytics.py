"""Facts and report totals are exact."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, delete

from services.analytics.handler import write_facts
from services.analytics.reports import list_facts, report_views
from services.analytics.schema import fact_items, facts, metadata, tables
from shared.consuming.crash_suspects import StartLog
from shared.consuming.inbox import TransactionalEffect
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.events import MAX_AMOUNT, MAX_PRICE, MAX_QUANTITY, Event
from shared.http.app import create_app
from tests.builders import THE_TIME, an_event, an_item

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
    app.register_blueprint(report_views(engine, clock=THE_TIME.timestamp))
    return app.test_client()


def record(engine: Engine, *events: Event) -> None:
    TransactionalEffect(engine, inbox, StartLog(starts), write_facts).apply(events)


def answer(client: FlaskClient, path: str) -> Any:
    """The JSON response of a path, with its numbers read as exact Decimals."""
    return json.loads(client.get(path).data, parse_float=Decimal)


def test_without_orders_every_report_is_empty(client: FlaskClient) -> None:
    assert answer(client, "/totals") == {"orders": 0, "revenue": Decimal(0)}
    assert answer(client, "/products") == {"products": []}
    minutes = answer(client, "/orders-per-minute")["minutes"]
    assert [minute["orders"] for minute in minutes] == [0] * 60


def test_sums_beyond_64_bits_are_exact(engine: Engine, client: FlaskClient) -> None:
    largest = str(MAX_AMOUNT)
    items = [an_item("p", price=largest, quantity=1), an_item("q", price="0.99", quantity=1)]
    record(engine, *[an_event(items[0]) for _ in range(101)], an_event(items[1]))
    assert answer(client, "/totals") == {
        "orders": 102,
        "revenue": 101 * MAX_AMOUNT + Decimal("0.99"),
    }
    assert answer(client, "/products")["products"] == [
        {"productId": "p", "revenue": 101 * MAX_AMOUNT, "quantity": 101},
        {"productId": "q", "revenue": Decimal("0.99"), "quantity": 1},
    ]


def test_products_with_sums_one_cent_apart_are_sorted(engine: Engine, client: FlaskClient) -> None:
    prices = {"a": "9999999.99", "b": "10000000.00", "c": "10000000.01"}
    record(engine, *[an_event(an_item(id, price=each, quantity=1)) for id, each in prices.items()])
    products = answer(client, "/products")["products"]
    assert [product["productId"] for product in products] == ["c", "b", "a"]


def test_totals_count_orders_and_add_up_to_the_cent(engine: Engine, client: FlaskClient) -> None:
    record(engine, *[an_event(an_item(price="0.1", quantity=1)) for _ in range(3)])
    record(engine, an_event(an_item(price="49.99", quantity=2)))
    assert answer(client, "/totals") == {"orders": 4, "revenue": Decimal("100.28")}


def test_the_largest_orders_add_up_exactly(engine: Engine, client: FlaskClient) -> None:
    largest = an_event(*[an_item(price=str(MAX_PRICE), quantity=MAX_QUANTITY)] * 100)
    record(engine, largest, an_event(an_item(price="0.01", quantity=1)))
    assert answer(client, "/totals")["revenue"] == MAX_PRICE * MAX_QUANTITY * 100 + Decimal("0.01")


def test_products_are_sorted_by_revenue_with_their_quantity(
    engine: Engine, client: FlaskClient
) -> None:
    record(engine, an_event(an_item("cheap", 9, "1"), an_item("dear", 1, "10.5")))
    record(engine, an_event(an_item("dear", 1, "10.5"), an_item("dear", 2, "10.5")))
    assert answer(client, "/products")["products"] == [
        {"productId": "dear", "revenue": Decimal("42.00"), "quantity": 4},
        {"productId": "cheap", "revenue": Decimal("9.00"), "quantity": 9},
    ]


def test_orders_are_counted_by_the_minute_they_were_placed(
    engine: Engine, client: FlaskClient
) -> None:
    def minutes_ago(minutes: float) -> Event:
        return an_event(time=THE_TIME - timedelta(minutes=minutes))

    record(engine, *[minutes_ago(minutes) for minutes in (0, 0.05, 1, 1, 59, 60, 1000)])
    minutes = answer(client, "/orders-per-minute")["minutes"]
    assert len(minutes) == 60
    counted = {minute["minute"]: minute["orders"] for minute in minutes if minute["orders"]}
    assert counted == {
        "2026-03-04T04:07:00Z": 1,
        "2026-03-04T05:05:00Z": 2,
        "2026-03-04T05:06:00Z": 2,
    }


def test_facts_are_listed_for_one_order_or_all(engine: Engine) -> None:
    one, other = an_event(an_item(price="49.99", quantity=2)), an_event()
    record(engine, one, other)
    [fact] = list_facts(engine, one.order.order_id)
    assert (fact["eventId"], fact["orderId"]) == (one.id, one.order.order_id)
    assert fact["totalAmount"] == Decimal("99.98")
    assert fact["minute"] == int(THE_TIME.timestamp()) // 60
    assert set(fact) == {"eventId", "orderId", "totalAmount", "minute", "at", "items"}
    assert {fact["eventId"] for fact in list_facts(engine, None)} == {one.id, other.id}


def test_a_facts_items_are_listed_in_the_events_order(engine: Engine) -> None:
    one = an_event(an_item("b", 2, "1.50"), an_item("a", 1, "9"), an_item("b", 1, "0"))
    record(engine, one, an_event(an_item("c", 3, "1")))
    [fact] = list_facts(engine, one.order.order_id)
    assert fact["items"] == [
        {"productId": "b", "quantity": 2, "revenue": Decimal(3)},
        {"productId": "a", "quantity": 1, "revenue": Decimal(9)},
        {"productId": "b", "quantity": 1, "revenue": Decimal(0)},
    ]


def test_a_fact_without_items_is_listed(engine: Engine) -> None:
    event = an_event()
    record(engine, event)
    with engine.begin() as tx:
        tx.execute(delete(fact_items))
    [fact] = list_facts(engine, None)
    assert (fact["eventId"], fact["items"]) == (event.id, [])


def test_items_without_a_fact_are_listed_too(engine: Engine) -> None:
    event = an_event(an_item("a", 2, "1.50"))
    record(engine, event)
    with engine.begin() as tx:
        tx.execute(delete(facts))
    [stray] = list_facts(engine, None)
    items = [{"productId": "a", "quantity": 2, "revenue": Decimal(3)}]
    assert stray == {
        **dict.fromkeys(("orderId", "totalAmount", "minute", "at")),
        "eventId": event.id,
        "items": items,
    }
    assert list(list_facts(engine, event.order.order_id)) == []


def test_a_batch_of_a_hundred_is_recorded_completely(engine: Engine, client: FlaskClient) -> None:
    batch = [an_event(an_item("a", 1, "1"), an_item("b", 2, "1")) for _ in range(100)]
    record(engine, *batch)
    assert answer(client, "/totals") == {"orders": 100, "revenue": Decimal(300)}
    assert {fact["eventId"] for fact in list_facts(engine, None)} == {e.id for e in batch}
