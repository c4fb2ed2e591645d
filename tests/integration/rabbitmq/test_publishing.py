"""Publisher confirms: refused, unroutable and lost messages."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport import Message
from shared.transport.rabbitmq.broker import RabbitMQ
from shared.transport.rabbitmq.publisher import RabbitPublisher
from tests.conformance.steps import a_message, drain, ids, messages
from tests.waiting import once_available
from tools.servers import RabbitMQServer


def test_an_unroutable_message_is_not_confirmed(broker: RabbitMQ) -> None:
    stray = _of_type("payment.settled")
    with broker.publisher() as publisher, pytest.raises(PublishFailed, match=r"payment\.settled"):
        publisher.publish([stray])


def test_a_failed_batch_reports_which_messages_were_confirmed(broker: RabbitMQ) -> None:
    first, last = messages(2)
    with broker.publisher() as publisher:
        with pytest.raises(PublishFailed, match="1 of 3") as failure:
            publisher.publish([first, _of_type("payment.settled"), last])
        assert failure.value.confirmed == {first.id, last.id}
    assert drain(broker, "email", 2) == [first, last]


def test_a_message_refused_by_a_full_queue_is_not_confirmed(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare("full", durable=True, arguments=full)
    channel.queue_bind("full", "order_events", "order.placed")
    first, second, third = messages(3)
    with broker.publisher() as publisher:
        publisher.publish([first])
        with pytest.raises(PublishFailed, match="refused") as failure:
            publisher.publish([second, third])
        assert failure.value.confirmed == frozenset()


def test_threads_sharing_a_publisher_get_the_confirms_of_their_own_messages(
    broker: RabbitMQ,
) -> None:
    with broker.publisher() as publisher:

        def publish_some(number: int) -> frozenset[str]:
            good = messages(20)
            stray = _of_type("payment.settled")
            with pytest.raises(PublishFailed) as failure:
                publisher.publish([*good[:number], stray, *good[number:]])
            assert failure.value.confirmed == {message.id for message in good}
            return failure.value.confirmed

        with ThreadPoolExecutor(8) as threads:
            confirmed = frozenset().union(*threads.map(publish_some, range(16)))
    assert sorted(ids(drain(broker, "email", 320))) == sorted(confirmed)


def test_confirmed_messages_survive_a_broker_crash_and_the_publisher_reconnects(
    broker: RabbitMQ, rabbitmq: RabbitMQServer
) -> None:
    confirmed: list[str] = []
    with broker.publisher() as publisher:
        killer = threading.Timer(0.5, rabbitmq.kill)
        killer.start()
        with pytest.raises(BrokerUnavailable):
            _publish_continuously(publisher, confirmed)
        killer.join()
        with pytest.raises(BrokerUnavailable, match="refused"):
            publisher.publish([a_message()])
        rabbitmq.start()
        once_available(lambda: _publish_and_record(publisher, confirmed))
    received = ids(drain(broker, "email", len(confirmed), quiet=1.0))
    assert len(confirmed) > 50
    assert set(confirmed) <= set(received)
    # In addition there may be only the batch whose confirms were lost with the connection.
    assert len(received) - len(confirmed) <= 50


def _publish_continuously(publisher: RabbitPublisher, confirmed: list[str]) -> None:
    while True:
        _publish_and_record(publisher, confirmed)


def _publish_and_record(publisher: RabbitPublisher, confirmed: list[str]) -> None:
    batch = messages(50)
    publisher.publish(batch)
    confirmed += ids(batch)


def _of_type(kind: str) -> Message:
    return Message(id="evt-stray", type=kind, source="/x", time="", key="", body=b"{}")
