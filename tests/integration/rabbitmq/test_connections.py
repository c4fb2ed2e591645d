"""Connections that are refused, kept alive, or closed by the broker."""

import time
from collections.abc import Callable, Sequence

import pytest
from pika.channel import Channel

from shared.errors import BrokerUnavailable
from shared.transport.rabbitmq.broker import RabbitMQ
from shared.transport.rabbitmq.connection import Link
from tests.conformance.steps import a_message, drain, late, publish, take_one
from tests.integration.rabbitmq.declared import LADDER


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("guest:guest", "guest:wrong"), "ACCESS_REFUSED"),
        (("/test_", "/other_"), "vhost other_"),
    ],
)
def test_a_refused_connection_reports_what_was_refused(
    amqp_url: str, change: tuple[str, str], words: str
) -> None:
    broker = RabbitMQ(amqp_url.replace(*change), LADDER)
    verbs: Sequence[Callable[[], object]] = (
        lambda: broker.depth("email"),
        lambda: broker.subscribe("email", prefetch=1),
        lambda: publish(broker, a_message()),
    )
    for verb in verbs:
        with pytest.raises(BrokerUnavailable, match=words):
            verb()


def test_heartbeats_go_on_while_a_handler_is_busy(amqp_url: str) -> None:
    heartbeat = 1
    broker = RabbitMQ(f"{amqp_url}?heartbeat={heartbeat}", LADDER)
    broker.declare(["email"])
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        # The broker would close the connection after two heartbeat intervals without traffic.
        time.sleep(4 * heartbeat)
        delivery.ack()
        assert late(subscription) == []
    assert drain(broker, "email", 0) == []


def test_calls_on_a_closed_channel_raise_broker_unavailable(
    amqp_url: str,
) -> None:
    channels: list[Channel] = []

    def start(link: Link, channel: Channel) -> None:
        channels.append(channel)
        link.opened()

    def publish_on_and_on() -> None:
        while True:
            link.call(lambda: channels[0].basic_publish("", "nowhere", b""))

    link = Link(amqp_url, "test", start=start)
    # The broker closes a channel that acknowledges an unknown delivery.
    link.call(lambda: channels[0].basic_ack(1_000_000))
    with pytest.raises(BrokerUnavailable, match="unknown delivery tag"):
        publish_on_and_on()
    link.close()
