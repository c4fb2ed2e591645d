"""Messages that RabbitMQ itself dead-letters after too many redeliveries."""

import time

from pika.adapters.blocking_connection import BlockingChannel

from shared.transport import Depth, Failure
from shared.transport.rabbitmq.broker import RabbitMQ
from tests.conformance.steps import a_message, drain, publish, take_one
from tests.integration.rabbitmq.declared import NOTHING, QUEUES
from tests.waiting import eventually


def test_a_message_over_the_delivery_limit_can_be_redriven_repeatedly(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    _declare_older_work_queue(broker, channel)
    message = a_message()
    publish(broker, message)
    letters = broker.dead_letters("email")
    for _ in range(2):
        _exceed_delivery_limit(channel)
        assert broker.depth("email") == Depth(ready=0, retrying=0, dead=1)
        (letter,) = letters.browse(10)
        assert letter.message == message
        assert letter.reason.startswith("delivery limit")
        assert letter.at[:2] == "20"
        assert letters.redrive() == [letter]
    assert drain(broker, "email", 1) == [message]
    assert broker.depth("email") == NOTHING


def test_a_retried_message_over_the_delivery_limit_is_redriven(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    _declare_older_work_queue(broker, channel)
    message, failure = a_message(), Failure.now("refused")
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(0.2, failure)
        again = take_one(subscription).message
    _exceed_delivery_limit(channel)
    (letter,) = broker.dead_letters("email").redrive()
    assert letter.message == again == message.failed(failure)
    assert letter.reason.startswith("delivery limit")
    assert drain(broker, "email", 1) == [message]


def test_a_work_queue_of_an_older_version_is_accepted_and_bound(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    message = a_message()
    _declare_older_work_queue(broker, channel)
    assert broker.different(["email"]) == []
    publish(broker, message)
    assert drain(broker, "email", 1) == [message]


def test_an_event_requeued_150_times_is_not_dead_lettered(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    message = a_message()
    publish(broker, message)
    for _ in range(150):
        eventually(lambda: _was_requeued(channel))
    assert broker.depth("email").dead == 0
    assert drain(broker, "email", 1) == [message]


def _declare_older_work_queue(broker: RabbitMQ, channel: BlockingChannel) -> None:
    arguments = {**QUEUES["email_service_queue"], "x-delivery-limit": 100}
    channel.queue_delete("email_service_queue")
    channel.queue_declare("email_service_queue", durable=True, arguments=arguments)
    broker.declare(["email"])


def _was_requeued(channel: BlockingChannel) -> bool:
    method, _properties, _body = channel.basic_get("email_service_queue")
    if method is not None:
        channel.basic_reject(method.delivery_tag or 0, requeue=True)
    return method is not None


def _exceed_delivery_limit(channel: BlockingChannel) -> None:
    """Requeue the only message in the work queue until the broker dead-letters it."""
    deadline = time.monotonic() + 30.0
    while not channel.queue_declare("email_service_queue.dlq", passive=True).method.message_count:
        assert time.monotonic() < deadline
        method, _properties, _body = channel.basic_get("email_service_queue")
        if method is not None:
            channel.basic_reject(method.delivery_tag or 0, requeue=True)
