"""A message reaches every service, complete and in order, or publishing raises an error."""

import threading

import pytest

from shared.errors import PublishFailed
from shared.transport import Broker, Message
from tests.conformance.steps import a_message, drain, ids, messages, publish, take_one
from tests.conformance.transports import SERVICES


def test_every_service_receives_every_message(broker: Broker) -> None:
    sent = messages(20)
    publish(broker, *sent)
    for service in SERVICES:
        assert drain(broker, service, 20) == sent


def test_messages_wait_while_no_consumer_is_running(broker: Broker) -> None:
    first, second = a_message(), a_message()
    publish(broker, first)
    publish(broker, second)
    assert drain(broker, "email", 2) == [first, second]


def test_a_waiting_consumer_receives_a_new_message(broker: Broker) -> None:
    message = a_message()
    with broker.subscribe("email", prefetch=1) as subscription:
        assert not subscription.receive(1, 0.1)
        publish(broker, message)
        assert take_one(subscription).message == message


def test_receive_returns_nothing_after_its_timeout(broker: Broker) -> None:
    with broker.subscribe("email", prefetch=1) as subscription:
        assert not subscription.receive(1, 0.2)
        assert not subscription.receive(1, 0)


def test_a_large_batch_arrives_completely_and_in_order(broker: Broker) -> None:
    sent = messages(1_000)
    publish(broker, *sent)
    assert ids(drain(broker, "email", 1_000)) == ids(sent)


def test_a_consumer_with_prefetch_1_keeps_the_order(broker: Broker) -> None:
    sent = messages(30)
    publish(broker, *sent)
    received = []
    with broker.subscribe("email", prefetch=1) as subscription:
        for _ in sent:
            delivery = take_one(subscription)
            received.append(delivery.message)
            delivery.ack()
    assert received == sent


def test_publishing_nothing_is_allowed(broker: Broker) -> None:
    publish(broker)
    assert drain(broker, "email", 0) == []


def test_the_same_message_published_twice_is_delivered_twice(broker: Broker) -> None:
    message = a_message()
    publish(broker, message)
    publish(broker, message)
    assert drain(broker, "email", 2) == [message, message]


def test_publishing_where_no_queue_is_declared_fails_and_confirms_nothing(bare: Broker) -> None:
    bare.declare([])
    with bare.publisher() as publisher, pytest.raises(PublishFailed) as failure:
        publisher.publish([a_message()])
    assert failure.value.confirmed == frozenset()


def test_a_publisher_can_be_used_after_a_refusal(bare: Broker) -> None:
    bare.declare([])
    message = a_message()
    with bare.publisher() as publisher:
        with pytest.raises(PublishFailed):
            publisher.publish([message])
        bare.declare(["email"])
        publisher.publish([message])
    assert drain(bare, "email", 1) == [message]


def test_concurrent_publishers_cause_no_loss_or_duplicates(broker: Broker) -> None:
    sent = messages(200)
    threads = [
        threading.Thread(target=publish, args=(broker, *sent[start : start + 50]))
        for start in range(0, 200, 50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    received = drain(broker, "email", 200)
    assert sorted(ids(received)) == sorted(ids(sent))


def test_a_service_that_joins_late_receives_only_later_events(broker: Broker) -> None:
    before, after = a_message(), a_message()
    publish(broker, before)
    broker.declare(["shipping"])
    publish(broker, after)
    assert drain(broker, "shipping", 1) == [after]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\x00\x80 not UTF-8", id="not UTF-8"),
        pytest.param("Größe, 注文, \N{POSTAL HORN}, \0".encode(), id="unicode"),
        pytest.param(bytes(range(256)) * 4096, id="1 MiB"),
    ],
)
def test_a_body_arrives_byte_for_byte(broker: Broker, body: bytes) -> None:
    message = a_message(body)
    publish(broker, message)
    assert drain(broker, "email", 1) == [message]


def test_a_message_without_attributes_arrives_too(broker: Broker) -> None:
    message = Message(id="", type="", source="", time="", key="", body=b"?")
    with broker.subscribe("email", prefetch=1) as subscription:
        publish(broker, message)
        assert take_one(subscription).message == message


def test_unicode_attributes_arrive_unchanged(broker: Broker) -> None:
    message = a_message(id="evt-\N{POSTAL HORN}-注文")
    publish(broker, message)
    assert drain(broker, "email", 1) == [message]
