"""`python -m services.sms`: sends a text for every order."""

import time
from functools import partial

import httpx

from services.sms.handler import send_text
from services.sms.schema import tables
from services.sms.settings import SmsSettings
from shared.activity.effects import list_inbox
from shared.events import Event
from shared.http.bounded_client import open_client
from shared.service.compose import WrapEffect, compose_consumer, serve_consumer, unchanged
from shared.service.sending import Send, leased, once_or_resend
from shared.serving.server import Process
from shared.settings import main
from shared.transport import Broker


def compose(
    settings: SmsSettings,
    *,
    broker: Broker | None = None,
    send: Send | None = None,
    wrap_effect: WrapEffect = unchanged,
) -> Process:
    """Assemble the process; tests can replace each part with outside effects."""
    return compose_consumer(
        settings,
        name="sms",
        tables=tables,
        effect=leased(send or sender(settings), lease=settings.lease),
        replay=once_or_resend(threads=settings.concurrency),
        list_effects=partial(list_inbox, tables.inbox),
        broker=broker,
        wrap_effect=wrap_effect,
    )


def sender(settings: SmsSettings) -> Send:
    # One client for all threads, which share its pool of open connections.
    limits = httpx.Limits(max_connections=settings.concurrency)
    client = open_client(settings.sms_timeout, limits=limits, base_url=settings.sms_gateway_url)

    def send(event: Event) -> None:
        time.sleep(settings.work_time)
        send_text(event, client)

    return send


def run(settings: SmsSettings) -> None:
    # The same concurrency over HTTP as from the queue, so that comparing the two modes is fair.
    serve_consumer("sms", settings, compose, threads=settings.concurrency)


if __name__ == "__main__":
    main(SmsSettings, run)
