"""Stock is moved once, with correct sums, and never below zero."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from services.inventory.catalogue import CATALOGUE
from services.inventory.handler import move_stock, reserve
from services.inventory.migrate import stock_up
from services.inventory.schema import metadata, movements, products, tables
from services.inventory.stock import list_movements, stock_views
from shared.consuming.crash_suspects import StartLog
from shared.consuming.inbox import TransactionalEffect
from shared.database.engine import open_database, reading, writing
from shared.database.schema import create_schema
from shared.events import Event
from shared.http.app import create_app
from tests.builders import an_event, an_item
from tests.fakes import in_threads

inbox, starts = tables.inbox, tables.starts

#: prod-777 has little stock and is soon sold out.
SCARCE, SEATS = "prod-777", 12


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    create_schema(engine, metadata)
    stock_up(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    app = create_app()
    app.register_blueprint(stock_views(engine))
    return app.test_client()


def moved(engine: Engine, *events: Event) -> list[tuple[Any, ...]]:
    with writing(engine) as tx:
        move_stock(tx, events)
    columns = movements.c
    query = select(columns.product_id, columns.requested, columns.moved, columns.backordered)
    with reading(engine) as tx:
        return [tuple(row) for row in tx.execute(query.order_by(columns.seq))]


def on_hand(engine: Engine, product_id: str) -> int:
    query = select(products.c.on_hand).where(products.c.product_id == product_id)
    with reading(engine) as tx:
        return int(tx.scalars(query).one())


# --- arithmetic ------------------------------------------------------------------------------

catalogue_ids = st.sampled_from(["a", "b", "c"])
ids = st.sampled_from(["a", "b", "c", "unknown"])
quantities = st.integers(1, 50)
orders = st.lists(st.tuples(ids, quantities), min_size=1, max_size=6)


@given(st.dictionaries(catalogue_ids, st.integers(0, 60)), st.lists(orders, max_size=10))
def test_balances_are_right_for_any_orders(
    initial: dict[str, int], ordered: list[list[tuple[str, int]]]
) -> None:
    stock = dict(initial)
    events = [an_event(*[an_item(*line) for line in lines]) for lines in ordered]
    rows = [row for event in events for row in reserve(stock, event)]
    for row in rows:
        assert row["moved"] + row["backordered"] == row["requested"]
        assert row["moved"] >= 0
        assert row["backordered"] >= 0
    for product_id, left in stock.items():
        assert left >= 0
        taken = sum(row["moved"] for row in rows if row["product_id"] == product_id)
        assert initial[product_id] == left + taken
    wanted = sum(quantity for lines in ordered for _, quantity in lines)
    assert sum(row["requested"] for row in rows) == wanted


@given(st.integers(0, 60), orders)
def test_nothing_in_stock_is_backordered(initial: int, ordered: list[tuple[str, int]]) -> None:
    stock = {"a": initial}
    event = an_event(*[an_item(*line) for line in ordered])
    rows = {row["product_id"]: row for row in reserve(stock, event)}
    if "a" in rows:
        assert rows["a"]["moved"] == min(initial, rows["a"]["requested"])


# --- in the database -------------------------------------------------------------------------


def test_stock_is_moved_and_the_movement_recorded(engine: Engine) -> None:
    assert moved(engine, an_event(an_item("prod-456", 2))) == [("prod-456", 2, 2, 0)]
    assert on_hand(engine, "prod-456") == 10_000 - 2


def test_missing_quantities_are_backordered(engine: Engine) -> None:
    first, second = an_event(an_item(SCARCE, 10)), an_event(an_item(SCARCE, 10))
    assert moved(engine, first, second) == [(SCARCE, 10, 10, 0), (SCARCE, 10, 2, 8)]
    assert on_hand(engine, SCARCE) == 0


def test_an_unknown_product_is_backordered_completely(engine: Engine) -> None:
    assert moved(engine, an_event(an_item("prod-0", 3))) == [("prod-0", 3, 0, 3)]


def test_a_product_listed_twice_in_an_order_is_summed(engine: Engine) -> None:
    event = an_event(an_item(SCARCE, 7), an_item("prod-456", 1), an_item(SCARCE, 7))
    assert moved(engine, event) == [(SCARCE, 14, 12, 2), ("prod-456", 1, 1, 0)]


def test_concurrent_processes_never_sell_a_piece_twice(engine: Engine) -> None:
    """Products in opposite orders, so that locking row by row would deadlock."""

    def apply() -> None:
        items = [an_item(SCARCE, 1), *(an_item(p.product_id, 1) for p in CATALOGUE)]
        batch = [an_event(*items), an_event(*reversed(items))]
        TransactionalEffect(engine, inbox, StartLog(starts), move_stock).apply(batch)

    assert in_threads(8, apply) == [None] * 8
    assert on_hand(engine, SCARCE) == 0
    assert on_hand(engine, "prod-456") == 10_000 - 16
    with reading(engine) as tx:
        taken = tx.scalars(select(movements.c.moved).where(movements.c.product_id == SCARCE))
        assert sum(taken) == SEATS


def test_migrating_again_adds_missing_products_and_keeps_the_stock(
    engine: Engine,
) -> None:
    moved(engine, an_event(an_item("prod-456", 2)))
    with writing(engine) as tx:
        tx.execute(products.delete().where(products.c.product_id == "prod-101"))
    stock_up(engine)
    assert on_hand(engine, "prod-456") == 10_000 - 2
    assert on_hand(engine, "prod-101") == 1000


def test_the_database_itself_refuses_a_negative_stock(engine: Engine) -> None:
    with pytest.raises(Exception, match="stock_is_never_negative"), writing(engine) as tx:
        tx.execute(update(products).values(on_hand=-1))


# --- HTTP responses --------------------------------------------------------------------------


def test_the_stock_of_all_products(engine: Engine, client: FlaskClient) -> None:
    moved(engine, an_event(an_item("prod-456", 2)))
    listed = client.get("/stock").get_json()["products"]
    assert [product["productId"] for product in listed] == [p.product_id for p in CATALOGUE]
    assert client.get("/stock/prod-456").get_json() == {
        "productId": "prod-456",
        "name": "Travel press",
        "initial": 10_000,
        "onHand": 9_998,
    }


def test_an_unknown_product_is_a_problem(client: FlaskClient) -> None:
    answer = client.get("/stock/prod-0")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["detail"] == "The catalogue has no prod-0."


def test_movements_are_listed_for_one_order_or_for_all(engine: Engine) -> None:
    one, other = an_event(an_item("prod-456", 2), an_item("prod-0", 1)), an_event()
    moved(engine, one, other)
    listed = list(list_movements(engine, one.order.order_id))
    assert [(row["productId"], row["moved"]) for row in listed] == [("prod-456", 2), ("prod-0", 0)]
    assert set(listed[0]) == {
        "eventId", "orderId", "productId", "requested", "moved", "backordered", "at"
    }  # fmt: skip
    assert len(list(list_movements(engine, None))) == 3
