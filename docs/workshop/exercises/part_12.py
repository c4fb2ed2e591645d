"""Part 12: loyalty, a service of your own. It gives points; change `points_for`.

`python -m docs.workshop.exercises.part_12` starts it. It needs BROKER_URL and DATABASE_URL.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, delete, select

from shared.consumer import Consumer
from shared.consumer_http import create_consumer_app
from shared.database import create_schema, open_database
from shared.effects import of_order, stream
from shared.events import Event, Item, OrderPlaced
from shared.faults import Faults, faults_table
from shared.faulty import FaultyEffect, Trouble
from shared.history import History, history_table
from shared.inbox import TransactionalEffect, inbox_table
from shared.observability import configure_logging
from shared.replay_appliers import Rebuild
from shared.replay_table import replays_table
from shared.replayer import Replayer
from shared.replays import Replays
from shared.server import Process, Together, serve
from shared.settings import ConsumerSettings, Port, main
from shared.starts import Starts, starts_table
from shared.story import Tables
from shared.transport import connect

NAME = "loyalty"
metadata = MetaData()
inbox, history = inbox_table(metadata), history_table(metadata)
starts, replays = starts_table(metadata), replays_table(metadata)
faults = faults_table(metadata)
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
    """One point for each whole euro; twice as many from 100 euros on."""
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
    return stream(engine, of_order(select(*columns, points.c.points), points.c.order_id, order_id))


def compose(settings: Settings) -> Process:
    engine = open_database(settings.database_url)
    create_schema(engine, metadata)
    broker = connect(settings.broker_url, settings.retry_ladder)
    trouble = Trouble(Faults(engine, faults, allowed=settings.faults_allowed))
    effect = FaultyEffect(TransactionalEffect(engine, inbox, Starts(starts), award), trouble)
    consumer = Consumer(
        NAME,
        broker,
        effect,
        ladder=settings.retry_ladder,
        batch=100,
        record=History(engine, history).record,
    )
    replayer = Replayer(
        Replays(engine, replays),
        partial(broker.archive, NAME),
        lambda _replay: Rebuild(engine, inbox, take_back, award),
    )
    app = create_consumer_app(
        consumer,
        engine,
        Tables(inbox, history),
        partial(list_points, engine),
        replayer,
        trouble=trouble,
        token=settings.operator_token,
    )
    return Process(app, Together([consumer, replayer]))


def run(settings: Settings) -> None:
    configure_logging(NAME, settings.log_level)
    serve(settings, lambda: compose(settings))


# What it has to do. Leave this as it is.


@pytest.mark.parametrize(
    ("total", "expected"),
    [("0.99", 0), ("1.00", 1), ("99.98", 99), ("100.00", 200), ("249.99", 498)],
)
def test_points_are_given_for_whole_euros(total: str, expected: int) -> None:
    amount = Decimal(total)
    order = OrderPlaced("ord-1", "usr-1", (Item("prod-1", 1, amount),), amount)

    assert points_for(order) == expected


if __name__ == "__main__":
    main(Settings, run)
