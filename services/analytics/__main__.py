"""`python -m services.analytics`: records every order as a fact."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from services.analytics.handler import write_facts
from services.analytics.reports import list_facts, report_views
from services.analytics.schema import (
    faults,
    history,
    inbox,
    metadata,
    remove_facts,
    replays,
    starts,
    tables,
)
from services.analytics.settings import AnalyticsSettings
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

#: Events that share a transaction, at most: whatever has arrived, so that nobody waits for more.
#: A transaction costs by itself about as much as what it does for a hundred of them.
BATCH = 500


def compose(
    settings: AnalyticsSettings,
    *,
    broker: Broker | None = None,
    write: Callable[[Connection, Sequence[Event]], None] = write_facts,
    wrap_effect: Callable[[Effect], Effect] = lambda effect: effect,
) -> Process:
    """Put the process together; every part that reaches outside can be replaced."""
    engine = open_database(settings.database_url)
    transport = broker or connect(settings.broker_url, settings.retry_ladder)
    work = partial(time.sleep, settings.work_time)
    effect = TransactionalEffect(engine, inbox, Starts(starts), write, work)
    trouble = Trouble(Faults(engine, faults, allowed=settings.faults_allowed))
    consumer = Consumer(
        "analytics",
        transport,
        wrap_effect(FaultyEffect(effect, trouble)),
        ladder=settings.retry_ladder,
        concurrency=settings.concurrency,
        batch=BATCH,
        check=lambda: check_schema(engine, metadata),
        record=History(engine, history).record,
    )
    replayer = Replayer(
        Replays(engine, replays),
        partial(transport.archive, "analytics"),
        lambda _replay: Rebuild(engine, inbox, remove_facts, write),
    )
    list_effects = partial(list_facts, engine)
    app = create_consumer_app(
        consumer,
        engine,
        tables,
        list_effects,
        replayer,
        trouble=trouble,
        token=settings.operator_token,
    )
    app.register_blueprint(report_views(engine))
    return Process(app, Together([consumer, replayer]))


def run(settings: AnalyticsSettings) -> None:
    configure_logging("analytics", settings.log_level)
    serve(settings, lambda: compose(settings))


if __name__ == "__main__":
    main(AnalyticsSettings, run)
