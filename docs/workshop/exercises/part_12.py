"""Part 12: loyalty, a service of your own. It awards points; change `points_for`.

`python -m docs.workshop.exercises.part_12` starts it. It needs BROKER_URL and DATABASE_URL.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, delete, select

from shared.activity.effects import of_order, stream
from shared.events import Event, Item, OrderPlaced
from shared.service.compose import Process, compose_consumer, serve_consumer
from shared.service.own_database import rebuild, transactional
from shared.service.tables import consumer_tables, create_tables
from shared.settings import ConsumerSettings, Port, main

NAME = "loyalty"
metadata = MetaData()
tables = consumer_tables(metadata)
points = Table(
    "points",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("order_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("points", Integer, nullable=False),
)


class Settings(ConsumerSettings):
    port: Port = 8006


def points_for(order: OrderPlaced) -> int:
    """One point per whole euro; two for an order of 100 euros or more."""
    return 0


def award(tx: Connection, events: Sequence[Event]) -> None:
    rows = [
        {
            "event_id": event.id,
            "order_id": event.order.order_id,
            "user_id": event.order.user_id,
            "points": points_for(event.order),
        }
        for event in events
    ]
    tx.execute(points.insert(), rows)


def take_back(tx: Connection, event_ids: Sequence[str]) -> None:
    tx.execute(delete(points).where(points.c.event_id.in_(event_ids)))


def list_points(engine: Engine, order_id: str | None) -> Iterator[dict[str, Any]]:
    columns = (points.c.order_id.label("orderId"), points.c.user_id.label("userId"))
    query = of_order(select(*columns, points.c.points), points.c.order_id, order_id)
    return stream(engine, query, points.c.event_id)


def compose(settings: Settings) -> Process:
    create_tables(settings.database_url, tables)
    return compose_consumer(
        settings,
        name=NAME,
        tables=tables,
        effect=transactional(award),
        replay=rebuild(take_back, award),
        list_effects=list_points,
        batch=100,
    )


def run(settings: Settings) -> None:
    serve_consumer(NAME, settings, compose)


# The tests. Leave them as they are.


@pytest.mark.parametrize(
    ("total", "expected"),
    [("0.99", 0), ("1.00", 1), ("99.98", 99), ("100.00", 200), ("249.99", 498)],
)
def test_points_are_awarded_for_whole_euros(total: str, expected: int) -> None:
    amount = Decimal(total)
    order = OrderPlaced("ord-1", "usr-1", (Item("prod-1", 1, amount),), amount)

    assert points_for(order) == expected


if __name__ == "__main__":
    main(Settings, run)
