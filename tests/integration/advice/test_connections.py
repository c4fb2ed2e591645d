"""A connection per message, as `connect`, `publish`, `close` in one function."""

from urllib.parse import urlsplit

import pika
from pika.adapters.blocking_connection import BlockingChannel

from tests.integration.advice.rabbitmq import PERSISTENT, declare, size
from tests.integration.advice.round_trips import counting
from tests.waiting import eventually

MESSAGES = 10


def test_a_connection_per_message_costs_eight_round_trips_instead_of_one(
    amqp_url: str, channel: BlockingChannel
) -> None:
    declare(channel)
    kept = _round_trips(amqp_url, messages=MESSAGES)
    each = _round_trips(amqp_url, connections=MESSAGES)
    eventually(lambda: size(channel, "work") == 2 * MESSAGES)
    # Per connection: three to open it, one each for its channel and confirms, two to close both.
    assert (kept, each) == (7 + MESSAGES, MESSAGES * (7 + 1))


def _publish(url: str, count: int) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for _ in range(count):
            channel.basic_publish("", "work", b"an order", PERSISTENT)


def _round_trips(amqp_url: str, *, connections: int = 1, messages: int = 1) -> int:
    port = urlsplit(amqp_url).port
    assert port
    with counting(port) as (proxy, trips):
        for _ in range(connections):
            _publish(amqp_url.replace(f":{port}", f":{proxy}"), messages)
        return trips.count
