"""Builds a consumer service from the parts that all share and those of one service.

Read `compose_consumer` from top to bottom to see how a service is built. `own_database.py` makes
its arguments for a service whose effect is in its own database, `sending.py` for one that sends
something.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from flask import Blueprint
from sqlalchemy import Engine

from shared.consuming.consumer import Consumer
from shared.consuming.effect import Effect
from shared.consuming.history import History
from shared.database.engine import open_database
from shared.database.schema import check_schema
from shared.faults.injection import FaultInjector, FaultyEffect
from shared.faults.store import Faults
from shared.observability import configure_logging
from shared.replay.replayer import ApplierFor, Replayer
from shared.replay.store import Replays
from shared.service.http_side import create_consumer_app
from shared.service.tables import ConsumerTables
from shared.serving.server import Process, Together, serve
from shared.settings import ConsumerSettings
from shared.transport import Broker, connect

__all__ = [
    "MakeEffect",
    "Process",
    "ReplayWay",
    "WrapEffect",
    "compose_consumer",
    "serve_consumer",
    "unchanged",
]

S = TypeVar("S", bound=ConsumerSettings)
#: Makes the effect of a service from its database and tables.
MakeEffect = Callable[[Engine, ConsumerTables], Effect]
WrapEffect = Callable[[Effect], Effect]


@dataclass(frozen=True)
class ReplayWay:
    """How a service replays events. `make_appliers` gets the consumer's effect.

    `resends`: whether operators can request that everything is sent again.
    """

    make_appliers: Callable[[Engine, ConsumerTables, Effect], ApplierFor]
    resends: bool = False


def unchanged(effect: Effect) -> Effect:
    return effect


def nothing(_engine: Engine, _broker: Broker) -> None:
    """For a service that needs no preparation before it receives."""


def compose_consumer(  # noqa: PLR0913  # keyword arguments, many of them optional
    settings: ConsumerSettings,
    *,
    name: str,
    tables: ConsumerTables,
    effect: MakeEffect,
    replay: ReplayWay,
    list_effects: Callable[[Engine, str | None], Iterator[Mapping[str, Any]]],
    batch: int = 1,
    views: Sequence[Callable[[Engine], Blueprint]] = (),
    when_ready: Callable[[Engine, Broker], None] = nothing,
    broker: Broker | None = None,
    wrap_effect: WrapEffect = unchanged,
) -> Process:
    """A consumer with its replays and its HTTP interface, ready to be served.

    `list_effects`: the service's effects for one order, or for all if the id is None. `batch`:
    the most events in one transaction. `views`: additional routes of this service. `when_ready`:
    called before each subscription, once the tables exist. `broker` and `wrap_effect` are for
    tests and for the broken variants of the workshop.
    """
    engine = open_database(settings.database_url)
    transport = broker or connect(settings.broker_url, settings.retry_ladder)
    injector = FaultInjector(Faults(engine, tables.faults, allowed=settings.faults_allowed))
    inner = effect(engine, tables)
    if settings.faults_allowed:
        inner = FaultyEffect(inner, injector)
    applied = wrap_effect(inner)

    def check() -> None:
        check_schema(engine, tables.metadata)
        when_ready(engine, transport)

    consumer = Consumer(
        name,
        transport,
        applied,
        ladder=settings.retry_ladder,
        concurrency=settings.concurrency,
        batch=batch,
        check=check,
        record=History(engine, tables.history).record,
    )
    replayer = Replayer(
        Replays(engine, tables.replays),
        partial(transport.archive, name),
        replay.make_appliers(engine, tables, applied),
        resends=replay.resends,
    )
    app = create_consumer_app(
        consumer,
        engine,
        tables,
        partial(list_effects, engine),
        replayer,
        injector=injector,
        token=settings.operator_token,
    )
    for make_views in views:
        app.register_blueprint(make_views(engine))
    return Process(app, Together([consumer, replayer]))


def serve_consumer(name: str, settings: S, compose: Callable[[S], Process], **options: Any) -> None:
    """Serve until a signal arrives. `options` are passed to `shared.serving.server.serve`."""
    configure_logging(name, settings.log_level)
    serve(settings, lambda: compose(settings), **options)
