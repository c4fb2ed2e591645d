"""A relay with a FAULT: `dies` (crashes once between confirm and delete) or `drops` (an event).

It drops orders of the customer usr-fault: it deletes their outbox rows without publishing.
"""

import os

from services.order.relay.__main__ import compose
from services.order.relay.settings import RelaySettings
from shared.observability import configure_logging
from shared.serving.server import serve
from shared.settings import load
from shared.transport import Broker, Message, connect
from tests.e2e.parts.composing import die_once
from tests.e2e.parts.faulty_consumer import CUSTOMER
from tests.e2e.parts.wrapping import Publishing


def _is_kept(message: Message) -> bool:
    return f'"{CUSTOMER}"'.encode() not in message.body


def _faulty(broker: Broker) -> Publishing:
    if os.environ["FAULT"] == "dies":
        return Publishing(broker, then=die_once)
    return Publishing(broker, keep=_is_kept)


def main() -> None:
    settings = load(RelaySettings)
    configure_logging("order-relay", settings.log_level)
    broker = connect(settings.broker_url, settings.retry_ladder)
    serve(settings, lambda: compose(settings, broker=_faulty(broker)))


if __name__ == "__main__":
    main()
