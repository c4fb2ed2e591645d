"""Lists of any length are read page by page, without a transaction open in between."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, Table, event, insert

from services.analytics import schema as analytics
from services.analytics.reports import list_facts
from services.email import schema as email
from services.inventory import schema as inventory
from services.inventory.stock import list_movements
from services.shipping import schema as shipping
from services.shipping.shipments import list_shipments
from shared.activity.effects import PAGE, list_inbox
from shared.database.engine import open_database
from shared.database.schema import create_schema

MANY = 2 * PAGE + 3
AT = datetime(2026, 3, 4, tzinfo=UTC)
Rows = Callable[[str], list[tuple[Table, dict[str, Any]]]]
List = Callable[[Engine, str | None], Iterator[dict[str, Any]]]


def fact(name: str) -> list[tuple[Table, dict[str, Any]]]:
    """A fact with up to two items; every fifth has items but no fact."""
    number = int(name)
    row = {"event_id": name, "order_id": name, "total_amount": 1, "minute": 1, "at": AT}
    items = [
        {"event_id": name, "line": line, "product_id": "p", "quantity": line, "revenue": 1}
        for line in range(number % 3)
    ]
    facts = [] if number % 5 == 1 else [(analytics.facts, row)]
    return facts + [(analytics.fact_items, item) for item in items]


def movement(name: str) -> list[tuple[Table, dict[str, Any]]]:
    row = {"requested": 1, "moved": 1, "backordered": 0, "at": AT}
    ids = {"event_id": name, "order_id": name, "product_id": "p"}
    return [(inventory.movements, ids | row)]


def shipment(name: str) -> list[tuple[Table, dict[str, Any]]]:
    ids = {"shipment_id": name, "event_id": name, "order_id": name}
    return [(shipping.shipments, ids | {"items": 1, "state": "created", "at": AT})]


def sent(name: str) -> list[tuple[Table, dict[str, Any]]]:
    row = {"event_id": name, "order_id": name, "state": "done", "attempt": 1}
    return [(email.tables.inbox, row | {"event_time": AT, "at": AT})]


LISTS: dict[str, tuple[Any, Rows, List]] = {
    "analytics": (analytics.metadata, fact, list_facts),
    "inventory": (inventory.metadata, movement, list_movements),
    "shipping": (shipping.metadata, shipment, list_shipments),
    "email": (email.metadata, sent, partial(list_inbox, email.tables.inbox)),
}


@pytest.fixture(params=LISTS)
def listed(database_url: str, request: pytest.FixtureRequest) -> Iterator[tuple[Engine, List]]:
    """A service with more effects than fit on a page."""
    metadata, rows, list_effects = LISTS[request.param]
    engine = open_database(database_url)
    create_schema(engine, metadata)
    with engine.begin() as tx:
        for number in range(MANY):
            for table, row in rows(f"{number:06}"):
                tx.execute(insert(table), row)
    yield engine, list_effects
    engine.dispose()


def test_everything_is_listed_once(listed: tuple[Engine, List]) -> None:
    engine, list_effects = listed
    found = list(list_effects(engine, None))
    expected = [f"{number:06}" for number in range(MANY)]
    if list_effects is list_facts:
        # An event with neither a fact nor an item is in no table.
        expected = [name for name in expected if fact(name)]
        items = [
            (effect["eventId"], item["quantity"]) for effect in found for item in effect["items"]
        ]
        rows = [row for name in expected for table, row in fact(name) if "line" in row]
        assert sorted(items) == [(row["event_id"], row["quantity"]) for row in rows]
    assert sorted(effect["eventId"] for effect in found) == expected


def test_between_two_rows_no_transaction_is_open(listed: tuple[Engine, List]) -> None:
    engine, list_effects = listed
    ended: list[object] = []
    event.listen(engine, "checkin", lambda *_: ended.append(1))
    effects = list_effects(engine, None)
    next(effects)
    assert len(ended) == 1
    for _ in effects:
        pass
    assert len(ended) >= MANY // PAGE


def test_one_orders_effects_are_only_its_own(listed: tuple[Engine, List]) -> None:
    engine, list_effects = listed
    assert [effect["orderId"] for effect in list_effects(engine, "000005")] == ["000005"]
