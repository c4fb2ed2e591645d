"""Consumers of one service share its messages; each message is held by one consumer at a time."""

import threading
from functools import partial

import pytest

from shared.errors import BrokerUnavailable
from shared.transport import Broker, Depth
from tests.conformance.holding import holder
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
from tests.conformance.transports import LADDER, LEASE, Transport


def test_consumers_of_one_service_share_its_messages(broker: Broker) -> None:
    sent = messages(20)
    with (
        broker.subscribe("email", prefetch=10) as first,
        broker.subscribe("email", prefetch=10) as second,
    ):
        publish(broker, *sent)
        received = acked(take(first, 10)) + acked(take(second, 10))
        received += late(first) + late(second)
    assert sorted(ids(received)) == sorted(ids(sent))


def test_concurrent_consumers_receive_each_message_once(broker: Broker) -> None:
    sent = messages(400)
    publish(broker, *sent)
    received: list[str] = []

    def consume() -> None:
        with broker.subscribe("email", prefetch=7) as subscription:
            received.extend(ids(late(subscription, quiet=1.0)))

    consumers = [threading.Thread(target=consume) for _ in range(3)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join()
    assert sorted(received) == sorted(ids(sent))


def test_an_acknowledged_message_is_not_redelivered(broker: Broker) -> None:
    publish(broker, a_message())
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).ack()
    assert drain(broker, "email", 0) == []
    # It is deleted, not merely held by a consumer.
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=0)


def test_no_more_than_prefetch_messages_are_unacknowledged(broker: Broker) -> None:
    sent = messages(10)
    publish(broker, *sent)
    with broker.subscribe("email", prefetch=3) as subscription:
        in_hand = take(subscription, 3)
        assert not subscription.receive(10, 0.3)
        in_hand[0].ack()
        in_hand += take(subscription, 1)
        assert not subscription.receive(10, 0.3)
    assert [delivery.message for delivery in in_hand] == sent[:4]


def test_receive_returns_no_more_than_requested(broker: Broker) -> None:
    publish(broker, *messages(10))
    with broker.subscribe("email", prefetch=10) as subscription:
        first = subscription.receive(4, 5.0)
        rest = take(subscription, 10 - len(first))
        assert 1 <= len(first) <= 4
        assert len({delivery.message.id for delivery in [*first, *rest]}) == 10


def test_deliveries_can_be_settled_in_any_order_and_from_any_thread(broker: Broker) -> None:
    sent = messages(9)
    publish(broker, *sent)
    with broker.subscribe("email", prefetch=9) as subscription:
        in_hand = take(subscription, 9)
        settling = [threading.Thread(target=delivery.ack) for delivery in in_hand[0::3]]
        settling += [
            threading.Thread(target=partial(delivery.dead_letter, "broken"))
            for delivery in in_hand[1::3]
        ]
        settling += [
            threading.Thread(target=partial(delivery.retry, LADDER[0], None))
            for delivery in in_hand[2::3]
        ]
        for thread in reversed(settling):
            thread.start()
        for thread in settling:
            thread.join()
        received = late(subscription, quiet=1.0)
    assert sorted(ids(received)) == sorted(ids(sent[2::3]))
    dead = broker.dead_letters("email").browse(10)
    assert sorted(letter.message.id for letter in dead) == sorted(ids(sent[1::3]))


def test_closing_requeues_unsettled_messages_at_once(broker: Broker) -> None:
    sent = messages(5)
    publish(broker, *sent)
    with broker.subscribe("email", prefetch=5) as leaving:
        acked(take(leaving, 5)[:2])
    with broker.subscribe("email", prefetch=10) as other:
        # Sooner than the lease would expire.
        returned = acked(take(other, 3, within=LEASE / 2))
        assert returned + late(other) == sent[2:]


def test_requeued_messages_keep_their_attempt(broker: Broker) -> None:
    publish(broker, a_message())
    for _ in range(3):
        with broker.subscribe("email", prefetch=1) as subscription:
            assert take_one(subscription).message.attempt == 1


def test_a_delivery_cannot_be_settled_after_its_subscription_is_closed(broker: Broker) -> None:
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
    with pytest.raises(BrokerUnavailable):
        delivery.ack()
    with pytest.raises(BrokerUnavailable):
        delivery.retry(LADDER[0], None)
    with pytest.raises(BrokerUnavailable):
        delivery.dead_letter("broken")
    assert drain(broker, "email", 1) == [message]


def test_a_killed_consumer_loses_no_unacknowledged_message(
    broker: Broker, transport: Transport
) -> None:
    sent = messages(4)
    publish(broker, *sent)
    with holder(partial(transport.connect, LADDER), "email", 3) as process:
        process.kill()
        process.join()
    received = drain(broker, "email", 4)
    assert sorted(ids(received)) == sorted(ids(sent))
    assert {message.attempt for message in received} == {1}


def test_a_message_held_by_a_live_consumer_is_not_redelivered(
    broker: Broker, transport: Transport
) -> None:
    sent = messages(4)
    publish(broker, *sent)
    with holder(partial(transport.connect, LADDER), "email", 3):
        # Longer than a lease, so it must be renewed.
        assert drain(broker, "email", 1, quiet=LEASE + 1) == sent[3:]
