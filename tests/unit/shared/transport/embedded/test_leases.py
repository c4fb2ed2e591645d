"""The embedded broker's leases: expiry, renewal and loss."""

import time
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog

from shared.errors import BrokerUnavailable
from shared.transport import Delivery, Depth, Failure
from shared.transport.embedded.broker import EmbeddedBroker
from shared.transport.embedded.subscription import LEASE
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
from tests.waiting import eventually

MILLISECOND = 0.001
Log = Sequence[MutableMapping[str, Any]]
MakeBroker = Callable[[float], EmbeddedBroker]


@pytest.fixture
def broker_at(tmp_path: Path) -> MakeBroker:
    """Brokers on one file, each with a clock stopped at the given number of seconds."""
    url = f"sqlite:///{tmp_path / 'broker.db'}"
    EmbeddedBroker(url).declare(["email"])
    return lambda seconds: EmbeddedBroker(url, clock=lambda: seconds)


def now_due(broker: EmbeddedBroker) -> Sequence[Delivery]:
    """The messages that a consumer would receive now; they are returned at once."""
    with broker.subscribe("email", prefetch=100) as subscription:
        return subscription.receive(100, 0)


def test_a_lease_expires_exactly_on_time(broker_at: MakeBroker) -> None:
    message = a_message()
    publish(broker_at(0.0), message)
    with broker_at(0.0).subscribe("email", prefetch=1) as holder:
        take_one(holder)
        assert not now_due(broker_at(LEASE - MILLISECOND))
        assert [delivery.message for delivery in now_due(broker_at(LEASE))] == [message]


def test_a_lease_is_renewed_while_its_consumer_is_alive(tmp_path: Path) -> None:
    lease = 0.3
    broker = EmbeddedBroker(f"sqlite:///{tmp_path / 'broker.db'}", lease=lease)
    broker.declare(["email"])
    sent = messages(3)
    publish(broker, *sent)
    with (
        broker.subscribe("email", prefetch=3) as holder,
        broker.subscribe("email", prefetch=3) as other,
    ):
        in_hand = take(holder, 3)
        assert not other.receive(3, 4 * lease)
        assert acked(in_hand) == sent
        assert late(other, quiet=2 * lease) == []


def test_retry_and_dead_letter_raise_if_the_lease_was_lost(broker_at: MakeBroker) -> None:
    sent = messages(2)
    publish(broker_at(0.0), *sent)
    with (
        broker_at(0.0).subscribe("email", prefetch=2) as slow,
        broker_at(LEASE).subscribe("email", prefetch=2) as quick,
    ):
        first, second = take(slow, 2)
        taken_over = take(quick, 2)
        with pytest.raises(BrokerUnavailable, match=sent[0].id):
            first.retry(1.0, Failure.now("refused"))
        with pytest.raises(BrokerUnavailable, match=sent[1].id):
            second.dead_letter("broken")
        assert acked(taken_over) == sent
    assert broker_at(LEASE).depth("email") == Depth(ready=0, retrying=0, dead=0)


def test_an_ack_after_the_lease_was_lost_is_logged(broker_at: MakeBroker) -> None:
    message = a_message()
    publish(broker_at(0.0), message)
    with (
        structlog.testing.capture_logs() as logged,
        broker_at(0.0).subscribe("email", prefetch=1) as slow,
        broker_at(LEASE).subscribe("email", prefetch=1) as quick,
    ):
        lost, taken_over = take_one(slow), take_one(quick)
        lost.ack()
        eventually(lambda: _ids_of_lost_leases(logged) == [message.id])
        taken_over.dead_letter("it is still mine")
    assert broker_at(LEASE).depth("email") == Depth(ready=0, retrying=0, dead=1)


def _ids_of_lost_leases(logged: Log) -> list[str]:
    return [line["event_id"] for line in logged if line["event"] == "delivery.lease_lost"]


def test_closing_does_not_requeue_another_consumers_messages(broker_at: MakeBroker) -> None:
    publish(broker_at(0.0), a_message())
    with broker_at(LEASE).subscribe("email", prefetch=1) as quick:
        with broker_at(0.0).subscribe("email", prefetch=1) as slow:
            take_one(slow)
            take_one(quick)
        assert not now_due(broker_at(LEASE))


def test_a_consumer_that_lost_a_delivery_has_to_subscribe_again(broker_at: MakeBroker) -> None:
    sent = messages(3)
    publish(broker_at(0.0), *sent)
    with (
        broker_at(0.0).subscribe("email", prefetch=3) as slow,
        broker_at(LEASE).subscribe("email", prefetch=1) as quick,
    ):
        lost, *_ = take(slow, 3)
        take_one(quick)
        with pytest.raises(BrokerUnavailable):
            lost.retry(1.0, None)
        with pytest.raises(BrokerUnavailable):
            slow.receive(1, 0)
        slow.close()
        # The two that it still held are returned, without waiting for their leases to expire.
        assert ids([delivery.message for delivery in now_due(broker_at(LEASE))]) == ids(sent[1:])


def test_a_delivery_can_be_settled_once(broker_at: MakeBroker) -> None:
    publish(broker_at(0.0), a_message())
    with broker_at(0.0).subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        delivery.ack()
        with pytest.raises(BrokerUnavailable):
            delivery.retry(1.0, None)
    assert broker_at(0.0).depth("email") == Depth(ready=0, retrying=0, dead=0)


def test_a_delay_ends_exactly_on_time(broker_at: MakeBroker) -> None:
    publish(broker_at(0.0), a_message())
    with broker_at(0.0).subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(60.0, None)
    assert not now_due(broker_at(60.0 - MILLISECOND))
    assert len(now_due(broker_at(60.0))) == 1


def test_depth_counts_leased_and_overdue_messages_as_ready(broker_at: MakeBroker) -> None:
    publish(broker_at(0.0), *messages(3))
    with broker_at(0.0).subscribe("email", prefetch=2) as subscription:
        delayed, _leased = take(subscription, 2)
        delayed.retry(60.0, Failure.now("refused"))
        assert broker_at(0.0).depth("email") == Depth(ready=2, retrying=1, dead=0)
        assert broker_at(60.0).depth("email") == Depth(ready=3, retrying=0, dead=0)


def test_a_requeued_message_is_delivered_before_younger_ones(broker_at: MakeBroker) -> None:
    sent = messages(3)
    publish(broker_at(0.0), *sent)
    with broker_at(0.0).subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(60.0, None)
    with broker_at(60.0).subscribe("email", prefetch=1) as subscription:
        assert late(subscription, quiet=0.1) == sent


def test_a_dead_letter_has_the_clocks_time(broker_at: MakeBroker) -> None:
    publish(broker_at(0.0), a_message())
    with broker_at(0.0).subscribe("email", prefetch=1) as subscription:
        take_one(subscription).dead_letter("broken")
    (letter,) = broker_at(0.0).dead_letters("email").browse(1)
    assert letter.at == "1970-01-01T00:00:00+00:00"


def test_acknowledgements_are_on_disk_shortly_afterwards(broker_at: MakeBroker) -> None:
    sent = messages(50)
    broker = broker_at(0.0)
    publish(broker, *sent)
    with broker.subscribe("email", prefetch=50) as subscription:
        acked(take(subscription, 50))
        started = time.monotonic()
        eventually(lambda: broker.depth("email") == Depth(ready=0, retrying=0, dead=0))
        assert time.monotonic() - started < LEASE / 2
    assert drain(broker_at(LEASE), "email", 0, quiet=0.1) == []
