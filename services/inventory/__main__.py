"""`python -m services.inventory`: moves stock for every order."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from services.inventory.handler import move_stock
from services.inventory.schema import faults, history, inbox, metadata, replays, starts, tables
from services.inventory.settings import InventorySettings
from services.inventory.stock import list_movements, stock_views
from shared.consumer import Consumer
from shared.consumer_http import create_consumer_app
from shared.database import check_schema, open_database
from shared.events import Event
from shared.faults import Faults
from shared.faulty import FaultyEffect, Trouble
from shared.history import History
from shared.inbox import Effect, TransactionalEffect
from shared.observability import configure_logging
from shared.replay_appliers import ApplyOnce
from shared.replayer import Replayer
from shared.replays import Replays
from shared.server import Process, Together, serve
from shared.settings import main
from shared.starts import Starts
from shared.transport import Broker, connect

#: Events that share a transaction. One commit each would cost three times as much.
BATCH = 100


def compose(
    settings: InventorySettings,
    *,
    broker: Broker | None = None,
    write: Callable[[Connection, Sequence[Event]], None] = move_stock,
    wrap_effect: Callable[[Effect], Effect] = lambda effect: effect,
) -> Process:
    """Put the process together; every part that reaches outside can be replaced."""
    engine = open_database(settings.database_url)
    transport = broker or connect(settings.broker_url, settings.retry_ladder)
    work = partial(time.sleep, settings.work_time)
    once_each = TransactionalEffect(engine, inbox, Starts(starts), write, work)
    trouble = Trouble(Faults(engine, faults, allowed=settings.faults_allowed))
    effect = wrap_effect(FaultyEffect(once_each, trouble))
    consumer = Consumer(
        "inventory",
        transport,
        effect,
        ladder=settings.retry_ladder,
        concurrency=settings.concurrency,
        batch=BATCH,
        check=lambda: check_schema(engine, metadata),
        record=History(engine, history).record,
    )
    # What is on hand was decided first come, first served: movements are never written anew.
    once = ApplyOnce(engine, inbox, effect, batch=BATCH)
    replayer = Replayer(
        Replays(engine, replays),
        partial(transport.archive, "inventory"),
        lambda _replay: once,
    )
    list_effects = partial(list_movements, engine)
    app = create_consumer_app(
        consumer,
        engine,
        tables,
        list_effects,
        replayer,
        trouble=trouble,
        token=settings.operator_token,
    )
    app.register_blueprint(stock_views(engine))
    return Process(app, Together([consumer, replayer]))


def run(settings: InventorySettings) -> None:
    configure_logging("inventory", settings.log_level)
    serve(settings, lambda: compose(settings))


if __name__ == "__main__":
    main(InventorySettings, run)
