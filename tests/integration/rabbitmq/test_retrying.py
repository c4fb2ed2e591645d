"""Retries: which rung of the ladder a delivery waits on."""

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.errors import BrokerUnavailable
from shared.transport import Failure
from shared.transport.rabbitmq.broker import RabbitMQ
from tests.conformance.steps import a_message, publish, take_one


def test_a_delivery_whose_rung_is_missing_returns_to_its_queue(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    publish(broker, a_message())
    channel.queue_delete("email_service_queue.retry.200ms")
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        with pytest.raises(BrokerUnavailable, match=r"retry\.200ms"):
            delivery.retry(0.2, Failure.now("refused"))
        with pytest.raises(BrokerUnavailable, match=r"retry\.200ms"):
            subscription.receive(1, 5)
    with broker.subscribe("email", prefetch=1) as subscription:
        again = take_one(subscription)
        assert again.message.attempt == 1
        again.retry(0.5, Failure.now("refused"))
        assert take_one(subscription).message.attempt == 2


@pytest.mark.parametrize(
    ("after", "rung"),
    [
        (0.0, "200ms"),
        (0.2, "200ms"),
        (0.49, "200ms"),
        (0.5, "500ms"),
        (1.9, "500ms"),
        (4.9, "2s"),
        (99.0, "5s"),
    ],
)
def test_a_retry_without_a_failure_takes_the_longest_rung_that_fits(
    broker: RabbitMQ, channel: BlockingChannel, after: float, rung: str
) -> None:
    for other in {"200ms", "500ms", "2s", "5s"} - {rung}:
        channel.queue_delete(f"email_service_queue.retry.{other}")
    publish(broker, a_message())
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(after, None)
        assert take_one(subscription).message.attempt == 1


def test_a_failure_with_a_delay_that_is_not_a_rung_is_refused(broker: RabbitMQ) -> None:
    publish(broker, a_message())
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        with pytest.raises(ValueError, match="not a rung"):
            delivery.retry(0.3, Failure.now("refused"))
