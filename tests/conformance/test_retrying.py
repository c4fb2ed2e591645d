"""A retry is redelivered later, to this service only; only a failure uses an attempt."""

import time

from shared.transport import Broker, Failure
from tests.conformance.steps import a_message, drain, late, messages, publish, take, take_one
from tests.conformance.transports import LADDER, SERVICES, Transport

#: Longer than the longest rung, so that a late duplicate would be seen.
AFTER_THE_LADDER = LADDER[-1] + 0.4


def test_a_failure_uses_an_attempt_and_is_remembered(broker: Broker) -> None:
    message, failure = a_message(), Failure.now("the database said no")
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[0], failure)
        again = take_one(subscription)
    assert again.message == message.failed(failure)
    assert again.message.attempt == 2


def test_the_first_and_the_last_failure_survive_the_whole_ladder(broker: Broker) -> None:
    message = a_message()
    failures = [Failure.now(f"failure {number}, größer \N{POSTAL HORN}") for number in range(3)]
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        for rung, failure in zip(LADDER, failures, strict=True):
            take_one(subscription).retry(rung, failure)
        last = take_one(subscription).message
    assert last.attempt == 4
    assert (last.first_failure, last.last_failure) == (failures[0], failures[2])
    assert last.as_new() == message


def test_a_retry_without_a_failure_uses_no_attempt(broker: Broker) -> None:
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        for _ in range(5):
            delivery = take_one(subscription)
            assert delivery.message == message
            delivery.retry(LADDER[0], None)
        assert late(subscription, quiet=AFTER_THE_LADDER) == [message]


def test_a_retry_without_a_failure_keeps_the_history(broker: Broker) -> None:
    message, failure = a_message(), Failure.now("refused")
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[0], failure)
        take_one(subscription).retry(LADDER[0], None)
        assert take_one(subscription).message == message.failed(failure)


def test_a_retry_without_a_failure_is_redelivered_soon_despite_long_rungs(
    transport: Transport,
) -> None:
    broker = transport.connect((3600.0,))
    broker.declare(SERVICES)
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(1.0, None)
        assert take_one(subscription).message == message


def test_a_retry_is_not_redelivered_early(broker: Broker) -> None:
    publish(broker, a_message())
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[1], Failure.now("refused"))
        started = time.monotonic()
        take_one(subscription)
        # A broker's timer may start a little before ours.
        assert LADDER[1] - 0.05 < time.monotonic() - started < LADDER[1] + 2


def test_a_short_delay_does_not_wait_behind_a_long_one(broker: Broker) -> None:
    slow, quick = messages(2)
    publish(broker, slow, quick)
    with broker.subscribe("email", prefetch=2) as subscription:
        first, second = take(subscription, 2)
        first.retry(LADDER[2], Failure.now("refused"))
        second.retry(LADDER[0], Failure.now("refused"))
        assert [take_one(subscription).message.id for _ in range(2)] == [quick.id, slow.id]


def test_a_retry_is_redelivered_once_and_to_this_service_only(broker: Broker) -> None:
    message, failure = a_message(), Failure.now("refused")
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[0], failure)
        assert late(subscription, quiet=AFTER_THE_LADDER) == [message.failed(failure)]
    assert drain(broker, "sms", 1) == [message]


def test_a_retry_outlives_the_consumer_that_asked_for_it(broker: Broker) -> None:
    message, failure = a_message(), Failure.now("refused")
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[2], failure)
    assert drain(broker, "email", 1) == [message.failed(failure)]


def test_while_one_message_waits_others_are_delivered(broker: Broker) -> None:
    waiting, other = messages(2)
    publish(broker, waiting, other)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[2], Failure.now("refused"))
        assert take_one(subscription).message == other


def test_a_retry_does_not_change_a_binary_body(broker: Broker) -> None:
    body = b"\xff\x00" * (512 * 1024)
    publish(broker, a_message(body))
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[0], Failure.now("refused"))
        assert take_one(subscription).message.body == body
