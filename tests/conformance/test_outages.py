"""Publishing and consuming while a broker is down, and after it has restarted."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from shared.errors import BrokerUnavailable
from shared.transport import Broker, Message, Publisher, Subscription
from tests.conformance.steps import a_message, bury, drain, ids, messages, publish, take
from tests.conformance.transports import Transport
from tests.waiting import eventually


def test_publishing_fails_while_the_broker_is_down_and_works_afterwards(
    broker: Broker, transport: Transport
) -> None:
    before, after = a_message(), a_message()
    with broker.publisher() as publisher:
        publisher.publish([before])
        transport.stop()
        assert not _published(publisher, after)
        assert not _published(publisher, after)
        transport.start()
        eventually(lambda: _published(publisher, after))
    assert drain(broker, "email", 2) == [before, after]


def test_a_consumer_that_subscribes_again_finds_its_messages(
    broker: Broker, transport: Transport
) -> None:
    buried, *sent = messages(4)
    bury(broker, "email", buried)
    publish(broker, *sent)
    with broker.subscribe("email", prefetch=2) as subscription:
        first, second = take(subscription, 2)
        transport.stop()
        eventually(lambda: _is_over(subscription))
        every_verb: list[Callable[[], object]] = [
            first.ack,
            lambda: first.retry(0.2, None),
            lambda: second.dead_letter("broken"),
            lambda: broker.declare(["email"]),
            lambda: broker.missing(["email"]),
            lambda: broker.depth("email"),
            lambda: broker.subscribe("email", prefetch=1).receive(1, 5.0),
            lambda: broker.dead_letters("email").browse(1),
            lambda: broker.dead_letters("email").redrive(),
        ]
        for verb in every_verb:
            with pytest.raises(BrokerUnavailable):
                verb()
    transport.start()
    eventually(lambda: _answers(broker))
    assert sorted(ids(drain(broker, "email", 3))) == sorted(ids(sent))
    assert [letter.message for letter in broker.dead_letters("email").browse(10)] == [buried]


def _published(publisher: Publisher, message: Message) -> bool:
    with suppress(BrokerUnavailable):
        publisher.publish([message])
        return True
    return False


def _is_over(subscription: Subscription) -> bool:
    with suppress(BrokerUnavailable):
        subscription.receive(1, 0.1)
        return False
    return True


def _answers(broker: Broker) -> bool:
    with suppress(BrokerUnavailable):
        return not broker.missing(["email"])
    return False
