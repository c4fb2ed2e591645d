"""`python -m services.shipping`: prepares a shipment for every order, from when it joined."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from services.shipping.handler import create_shipments, forget_shipments
from services.shipping.joining import note_joining
from services.shipping.schema import faults, history, inbox, metadata, replays, starts, tables
from services.shipping.settings import ShippingSettings
from services.shipping.shipments import list_shipments, shipment_views
from shared.consumer import Consumer
from shared.consumer_http import create_consumer_app
from shared.database import check_schema, open_database
from shared.events import Event
from shared.faults import Faults
from shared.faulty import FaultyEffect, Trouble
from shared.history import History
from shared.inbox import Effect, TransactionalEffect
from shared.observability import configure_logging
from shared.replay_appliers import Rebuild
from shared.replayer import Replayer
from shared.replays import Replays
from shared.server import Process, Together, serve
from shared.settings import main
from shared.starts import Starts
from shared.transport import Broker, connect

NAME = "shipping"
#: Events that share a transaction, at most.
BATCH = 100


def compose(
    settings: ShippingSettings,
    *,
    broker: Broker | None = None,
    write: Callable[[Connection, Sequence[Event]], None] = create_shipments,
    wrap_effect: Callable[[Effect], Effect] = lambda effect: effect,
) -> Process:
    """Put the process together; every part that reaches outside can be replaced."""
    engine = open_database(settings.database_url)
    transport = broker or connect(settings.broker_url, settings.retry_ladder)
    work = partial(time.sleep, settings.work_time)
    effect = TransactionalEffect(engine, inbox, Starts(starts), write, work)
    trouble = Trouble(Faults(engine, faults, allowed=settings.faults_allowed))

    def check() -> None:
        check_schema(engine, metadata)
        note_joining(engine, transport, NAME)

    consumer = Consumer(
        NAME,
        transport,
        wrap_effect(FaultyEffect(effect, trouble)),
        ladder=settings.retry_ladder,
        concurrency=settings.concurrency,
        batch=BATCH,
        check=check,
        record=History(engine, history).record,
    )
    replayer = Replayer(
        Replays(engine, replays),
        partial(transport.archive, NAME),
        lambda _replay: Rebuild(engine, inbox, forget_shipments, write),
    )
    list_effects = partial(list_shipments, engine)
    app = create_consumer_app(
        consumer,
        engine,
        tables,
        list_effects,
        replayer,
        trouble=trouble,
        token=settings.operator_token,
    )
    app.register_blueprint(shipment_views(engine))
    return Process(app, Together([consumer, replayer]))


def run(settings: ShippingSettings) -> None:
    configure_logging(NAME, settings.log_level)
    serve(settings, lambda: compose(settings))


if __name__ == "__main__":
    main(ShippingSettings, run)
