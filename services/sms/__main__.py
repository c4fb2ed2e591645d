"""`python -m services.sms`: sends a text for every order."""

import time
from collections.abc import Callable
from functools import partial

import httpx

from services.sms.handler import send_text
from services.sms.schema import faults, history, inbox, metadata, replays, starts, tables
from services.sms.settings import SmsSettings
from shared.bounded_http import open_client
from shared.circuit import Circuit
from shared.consumer import Consumer
from shared.consumer_http import create_consumer_app
from shared.database import check_schema, open_database
from shared.effects import list_inbox
from shared.events import Event
from shared.faults import Faults
from shared.faulty import FaultyEffect, Trouble
from shared.history import History
from shared.inbox import Effect, LeasedEffect
from shared.observability import configure_logging
from shared.replay_appliers import ApplyOnce, sending
from shared.replayer import Replayer
from shared.replays import Replays
from shared.server import Process, Together, serve
from shared.settings import main
from shared.starts import Starts
from shared.transport import Broker, connect

Send = Callable[[Event], None]


def compose(
    settings: SmsSettings,
    *,
    broker: Broker | None = None,
    send: Send | None = None,
    wrap_effect: Callable[[Effect], Effect] = lambda effect: effect,
) -> Process:
    """Put the process together; every part that reaches outside can be replaced."""
    engine = open_database(settings.database_url)
    transport = broker or connect(settings.broker_url, settings.retry_ladder)
    careful = Circuit(send or sender(settings))
    leased = LeasedEffect(engine, inbox, Starts(starts), careful, lease=settings.lease)
    trouble = Trouble(Faults(engine, faults, allowed=settings.faults_allowed))
    effect = wrap_effect(FaultyEffect(leased, trouble))
    consumer = Consumer(
        "sms",
        transport,
        effect,
        ladder=settings.retry_ladder,
        concurrency=settings.concurrency,
        check=lambda: check_schema(engine, metadata),
        record=History(engine, history).record,
    )
    threads = settings.concurrency
    once = ApplyOnce(engine, inbox, effect, batch=threads, threads=threads)
    replayer = Replayer(
        Replays(engine, replays),
        partial(transport.archive, "sms"),
        partial(sending, once),
        resends=True,
    )
    list_effects = partial(list_inbox, engine, inbox)
    app = create_consumer_app(
        consumer,
        engine,
        tables,
        list_effects,
        replayer,
        trouble=trouble,
        token=settings.operator_token,
    )
    return Process(app, Together([consumer, replayer]))


def sender(settings: SmsSettings) -> Send:
    # One client for all threads: it keeps connections open, and each may use them.
    client = open_client(
        settings.sms_timeout,
        limits=httpx.Limits(max_connections=settings.concurrency),
        base_url=settings.sms_gateway_url,
    )

    def send(event: Event) -> None:
        time.sleep(settings.work_time)
        send_text(event, client)

    return send


def run(settings: SmsSettings) -> None:
    configure_logging("sms", settings.log_level)
    # As many at a time over HTTP as from the queue: neither way is the slower one by design.
    serve(settings, lambda: compose(settings), threads=settings.concurrency)


if __name__ == "__main__":
    main(SmsSettings, run)
