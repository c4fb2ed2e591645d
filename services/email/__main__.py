"""`python -m services.email`: sends a confirmation for every order."""

import time
from functools import partial

from services.email.connections import MailConnections
from services.email.handler import send_confirmation
from services.email.schema import tables
from services.email.settings import EmailSettings
from shared.activity.effects import list_inbox
from shared.events import Event
from shared.service.compose import WrapEffect, compose_consumer, serve_consumer, unchanged
from shared.service.sending import Send, leased, once_or_resend
from shared.serving.server import Process
from shared.settings import main
from shared.transport import Broker


def compose(
    settings: EmailSettings,
    *,
    broker: Broker | None = None,
    send: Send | None = None,
    wrap_effect: WrapEffect = unchanged,
) -> Process:
    """Assemble the process; tests can replace each part with outside effects."""
    return compose_consumer(
        settings,
        name="email",
        tables=tables,
        effect=leased(send or sender(settings), lease=settings.lease),
        replay=once_or_resend(threads=settings.concurrency),
        list_effects=partial(list_inbox, tables.inbox),
        broker=broker,
        wrap_effect=wrap_effect,
    )


def sender(settings: EmailSettings) -> Send:
    deliver = partial(
        send_confirmation,
        # Shared by all threads, each of which uses one at a time.
        connections=MailConnections(settings.mail_server),
        timeout=settings.smtp_timeout,
        answer_timeout=settings.smtp_answer_timeout,
    )

    def send(event: Event) -> None:
        time.sleep(settings.work_time)
        deliver(event)

    return send


def run(settings: EmailSettings) -> None:
    # The same concurrency over HTTP as from the queue, so that comparing the two modes is fair.
    serve_consumer("email", settings, compose, threads=settings.concurrency)


if __name__ == "__main__":
    main(EmailSettings, run)
