"""Declaring queues, listing missing ones, and counting messages."""

import pytest

from shared.errors import BrokerUnavailable
from shared.transport import Broker, Depth, Failure
from tests.conformance.steps import a_message, bury, drain, is_of, messages, publish, take
from tests.conformance.transports import Transport
from tests.waiting import eventually


def test_queues_are_missing_before_they_are_declared(bare: Broker) -> None:
    missing = bare.missing(["email", "sms"])
    assert any(is_of("email", name) for name in missing)
    assert any(is_of("sms", name) for name in missing)


def test_after_declaring_nothing_is_missing(bare: Broker) -> None:
    bare.declare(["email", "sms"])
    assert not bare.missing(["email", "sms"])


def test_only_a_services_own_queues_are_listed_as_missing(broker: Broker) -> None:
    missing = broker.missing(["email", "shipping"])
    assert missing
    assert all(is_of("shipping", name) for name in missing)


def test_declaring_twice_changes_nothing(broker: Broker) -> None:
    live, buried = a_message(), a_message()
    bury(broker, "email", buried)
    publish(broker, live)
    broker.declare(["email", "sms"])
    assert drain(broker, "email", 1) == [live]
    assert [letter.message for letter in broker.dead_letters("email").browse(10)] == [buried]
    assert drain(broker, "sms", 2) == [buried, live]


def test_declared_queues_are_not_different_and_keep_their_messages(broker: Broker) -> None:
    message = a_message()
    publish(broker, message)
    assert not broker.different(["email", "sms"])
    assert drain(broker, "email", 1) == [message]


def test_comparing_creates_nothing(bare: Broker) -> None:
    before = bare.missing(["email", "sms"])
    assert not bare.different(["email", "sms"])
    assert bare.missing(["email", "sms"]) == before


def test_a_service_without_queues_cannot_be_subscribed_to(broker: Broker) -> None:
    with pytest.raises(BrokerUnavailable, match=r"shipping[_-]service"):
        broker.subscribe("shipping", prefetch=1).receive(1, 1.0)


def test_depth_counts_ready_retrying_and_dead_messages(transport: Transport) -> None:
    a_minute = 60.0
    broker = transport.connect((a_minute,))
    broker.declare(["email", "sms"])
    publish(broker, *messages(6))
    with broker.subscribe("email", prefetch=3) as subscription:
        one, two, three = take(subscription, 3)
        one.retry(a_minute, Failure.now("refused"))
        two.dead_letter("broken")
        three.ack()
    eventually(lambda: broker.depth("email") == Depth(ready=3, retrying=1, dead=1))
    eventually(lambda: broker.depth("sms") == Depth(ready=6, retrying=0, dead=0))


def test_depth_follows_the_dead_letters(broker: Broker) -> None:
    bury(broker, "email", *messages(3))
    eventually(lambda: broker.depth("email") == Depth(ready=0, retrying=0, dead=3))
    broker.dead_letters("email").redrive()
    eventually(lambda: broker.depth("email") == Depth(ready=3, retrying=0, dead=0))
    drain(broker, "email", 3)
    eventually(lambda: broker.depth("email") == Depth(ready=0, retrying=0, dead=0))
