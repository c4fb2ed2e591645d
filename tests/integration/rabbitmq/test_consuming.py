"""Subscriptions and acknowledgements."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.errors import BrokerUnavailable
from shared.transport import Delivery, Depth, Failure, Message
from shared.transport.rabbitmq.broker import RabbitMQ
from tests.conformance.steps import (
    a_message,
    acked,
    drain,
    ids,
    late,
    messages,
    publish,
    take,
    take_one,
)
from tests.integration.rabbitmq.declared import NOTHING
from tests.waiting import eventually
from tools.servers import RabbitMQServer


def test_a_deleted_queue_cancels_the_subscription(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    publish(broker, a_message())
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        channel.queue_delete("email_service_queue")
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="cancelled"):
            subscription.receive(1, 20.0)
        # The error comes while it is waiting, before the timeout.
        assert time.monotonic() - started < 10.0
        with pytest.raises(BrokerUnavailable):
            delivery.ack()


def test_all_acks_reach_the_broker_before_the_connection_closes(
    broker: RabbitMQ,
) -> None:
    publish(broker, *messages(2_000))
    with broker.subscribe("email", prefetch=0) as subscription:
        for delivery in take(subscription, 2_000):
            delivery.ack()
    assert broker.depth("email") == NOTHING


def test_a_delivery_is_settled_once(broker: RabbitMQ) -> None:
    publish(broker, a_message())
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        delivery.ack()
        with pytest.raises(BrokerUnavailable):
            delivery.ack()
        with pytest.raises(BrokerUnavailable):
            delivery.dead_letter("too late")
        assert late(subscription) == []
    assert broker.depth("email") == NOTHING


def test_foreign_bytes_without_headers_can_be_dead_lettered_and_redriven(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    body = b"\xff\x00 not an event"
    channel.basic_publish("order_events", "order.placed", body)
    nothing = Message(id="", type="", source="", time="", key="", body=body)
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        assert delivery.message == nothing
        delivery.dead_letter("not an event")
    (letter,) = broker.dead_letters("email").browse(10)
    assert (letter.message, letter.reason) == (nothing, "not an event")
    assert broker.dead_letters("email").redrive([letter.handle]) == [letter]
    assert drain(broker, "email", 1) == [nothing]


def test_eight_threads_settle_ten_thousand_messages_exactly_once(
    broker: RabbitMQ,
) -> None:
    sent = messages(10_000)
    retried, buried = set(ids(sent[::20])), set(ids(sent[7::20]))
    lock = threading.Lock()
    ended: list[str] = []

    def settle(delivery: Delivery) -> None:
        message = delivery.message
        if message.id in retried and message.attempt == 1:
            delivery.retry(0.2, Failure.now("refused"))
            return
        if message.id in buried:
            delivery.dead_letter("broken")
        else:
            delivery.ack()
        with lock:
            ended.append(message.id)

    with (
        broker.publisher() as publisher,
        broker.subscribe("email", prefetch=200) as subscription,
        ThreadPoolExecutor(8) as threads,
    ):
        for start in range(0, len(sent), 500):
            publisher.publish(sent[start : start + 500])
        while len(ended) < len(sent):
            # Ids are random, so sorting by id shuffles the deliveries.
            deliveries = subscription.receive(100, 5.0)
            list(threads.map(settle, sorted(deliveries, key=lambda delivery: delivery.message.id)))
        assert late(subscription, quiet=1.0) == []

    assert sorted(ended) == sorted(ids(sent))
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=len(buried))
    dead = broker.dead_letters("email").discard()
    assert sorted(letter.handle for letter in dead) == sorted(buried)
    assert broker.depth("email") == NOTHING
    assert drain(broker, "email", 0) == []


def test_acknowledged_messages_do_not_come_back_after_a_crash(
    broker: RabbitMQ, rabbitmq: RabbitMQServer
) -> None:
    publish(broker, *messages(100))
    with broker.subscribe("email", prefetch=100) as subscription:
        acked(take(subscription, 100))
    rabbitmq.kill()
    rabbitmq.start()
    eventually(lambda: _answers(broker))
    assert drain(broker, "email", 0, quiet=1.0) == []


def _answers(broker: RabbitMQ) -> bool:
    try:
        return broker.depth("email") == NOTHING
    except BrokerUnavailable:
        return False
