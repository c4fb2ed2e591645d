"""Queues and exchanges as they are declared, compared and counted."""

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from shared.errors import QueuesMissing, SettingsError
from shared.transport.rabbitmq.broker import RabbitMQ
from tests.conformance.steps import messages, publish
from tests.integration.rabbitmq.declared import LADDER, QUEUES


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_declared_with_exactly_these_arguments(
    channel: BlockingChannel, queue: str
) -> None:
    # RabbitMQ accepts a second declaration only if it equals the first.
    channel.queue_declare(queue, durable=True, arguments=dict(QUEUES[queue]))
    with pytest.raises(ChannelClosedByBroker, match="inequivalent"):
        channel.queue_declare(queue, durable=True, arguments={**QUEUES[queue], "x-max-length": 5})


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize("exchange", ["order_events", "retry", "dlx"])
def test_exchanges_are_durable_topics(channel: BlockingChannel, exchange: str) -> None:
    channel.exchange_declare(exchange, "topic", durable=True)


def test_a_queue_that_differs_is_reported_with_a_remedy(
    amqp_url: str, channel: BlockingChannel
) -> None:
    channel.queue_declare("email_service_queue.retry.1s", durable=True)
    with pytest.raises(SettingsError) as error:
        RabbitMQ(amqp_url, (1.0,)).declare(["email"])
    for words in ("email_service_queue.retry.1s", "inequivalent arg", "Stop the relay"):
        assert words in str(error.value)


def test_an_exchange_of_another_type_is_reported(amqp_url: str, channel: BlockingChannel) -> None:
    channel.exchange_declare("order_events", "fanout", durable=True)
    with pytest.raises(SettingsError, match="the exchange order_events exists"):
        RabbitMQ(amqp_url, LADDER).declare(["email"])


def test_only_differing_queues_and_exchanges_are_listed(
    amqp_url: str, channel: BlockingChannel
) -> None:
    queue = "email_service_queue.retry.200ms"
    channel.queue_declare(queue, durable=True)
    channel.exchange_declare("dlx", "fanout", durable=True)
    broker = RabbitMQ(amqp_url, LADDER)
    missing = broker.missing(["email"])
    assert broker.different(["email"]) == ["dlx", queue]
    assert broker.missing(["email"]) == missing


def test_depth_names_a_missing_queue_and_counts_the_others(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    publish(broker, *messages(2))
    channel.queue_delete("email_service_queue.retry.200ms")
    with pytest.raises(QueuesMissing, match=r"email_service_queue\.retry\.200ms$") as caught:
        broker.depth("email")
    assert caught.value.others == {
        "email_service_queue": 2,
        "email_service_queue.retry.500ms": 0,
        "email_service_queue.retry.2s": 0,
        "email_service_queue.retry.5s": 0,
        "email_service_queue.dlq": 0,
    }


@pytest.mark.usefixtures("broker")
def test_queues_declared_for_another_ladder_are_not_different(amqp_url: str) -> None:
    assert RabbitMQ(amqp_url, (9.0,)).different(["email"]) == []
