"""A memory alarm: consumers continue although the broker blocks publishers."""

import time
from collections.abc import Callable, Iterator

import pytest

from shared.transport import Failure
from shared.transport.rabbitmq.broker import RabbitMQ
from tests.conformance.steps import a_message, drain, ids, late, messages, publish, take_one
from tests.integration.rabbitmq.declared import NOTHING
from tests.waiting import eventually, stays
from tools.servers import RabbitMQServer


@pytest.fixture
def alarm(rabbitmq: RabbitMQServer) -> Iterator[Callable[[], None]]:
    yield rabbitmq.raise_alarm
    rabbitmq.clear_alarm()


def test_a_consumer_continues_during_a_memory_alarm(
    broker: RabbitMQ, rabbitmq: RabbitMQServer, alarm: Callable[[], None]
) -> None:
    batch = messages(200)
    publish(broker, *batch)
    with broker.subscribe("email", prefetch=10) as subscription:
        alarm()
        received = []
        started = time.monotonic()
        for number in range(200):
            delivery = take_one(subscription)
            received.append(delivery.message)
            # Five of these fail, and during the alarm the broker accepts no retry and no dead
            # letter.
            if number in (3, 50, 100):
                delivery.retry(0.2, Failure.now("refused"))
            elif number in (51, 150):
                delivery.dead_letter("broken")
            else:
                delivery.ack()
        assert time.monotonic() - started < 20
        assert received == batch
        stays(lambda: broker.depth("email") == NOTHING and subscription.held() == 5)
        rabbitmq.clear_alarm()
        again = [take_one(subscription).message for _ in range(3)]
        assert sorted(ids(again)) == sorted(batch[number].id for number in (3, 50, 100))
        assert late(subscription) == []
        eventually(lambda: broker.depth("email").dead == 2)
        assert subscription.held() == 0


def test_a_delivery_pending_during_an_alarm_is_redelivered_after_close(
    broker: RabbitMQ, rabbitmq: RabbitMQServer, alarm: Callable[[], None]
) -> None:
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        alarm()
        delivery.dead_letter("broken")
    rabbitmq.clear_alarm()
    assert ids(drain(broker, "email", 1)) == [message.id]
