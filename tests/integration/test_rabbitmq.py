"""What only RabbitMQ does, against a real one: topology, confirms, lost links, its own verdicts."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker

from shared.errors import BrokerUnavailable, PublishFailed, QueuesMissing, SettingsError
from shared.transport import Delivery, Depth, Failure, Message, PartlyMoved
from shared.transport.rabbitmq.broker import RabbitMQ
from shared.transport.rabbitmq.connection import Link
from shared.transport.rabbitmq.publisher import RabbitPublisher
from tests.conformance.steps import (
    a_message,
    acked,
    bury,
    drain,
    ids,
    late,
    messages,
    publish,
    take,
    take_one,
)
from tests.waiting import eventually, stays
from tools.servers import RabbitMQServer

LADDER = (0.2, 0.5, 2.0)
EMPTY = Depth(ready=0, retrying=0, dead=0)


@pytest.fixture
def broker(amqp_url: str) -> RabbitMQ:
    broker = RabbitMQ(amqp_url, LADDER)
    broker.declare(["email"])
    return broker


@pytest.fixture
def channel(amqp_url: str) -> Iterator[BlockingChannel]:
    """RabbitMQ as somebody else sees it: an operator, a foreign producer, a bare test."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        yield connection.channel()


# --- topology ------------------------------------------------------------------------------

DEAD_LETTERING = {
    "x-queue-type": "quorum",
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}
QUEUES: Mapping[str, Mapping[str, str | int]] = {
    "email_service_queue": {
        **DEAD_LETTERING,
        "x-dead-letter-exchange": "dlx",
        "x-dead-letter-routing-key": "email_service_queue.dlq",
        "x-delivery-limit": 1_000_000,
    },
    "email_service_queue.retry.200ms": {
        **DEAD_LETTERING,
        "x-dead-letter-exchange": "retry",
        "x-dead-letter-routing-key": "email_service_queue",
        "x-message-ttl": 200,
    },
    "email_service_queue.retry.2s": {
        **DEAD_LETTERING,
        "x-dead-letter-exchange": "retry",
        "x-dead-letter-routing-key": "email_service_queue",
        "x-message-ttl": 2000,
    },
    "email_service_queue.dlq": {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000},
}


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_has_these_arguments_and_no_others(channel: BlockingChannel, queue: str) -> None:
    # RabbitMQ accepts a second declaration only when it is the same as the first.
    channel.queue_declare(queue, durable=True, arguments=dict(QUEUES[queue]))
    with pytest.raises(ChannelClosedByBroker, match="inequivalent"):
        channel.queue_declare(queue, durable=True, arguments={**QUEUES[queue], "x-max-length": 5})


@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize("exchange", ["order_events", "retry", "dlx"])
def test_exchanges_are_durable_topics(channel: BlockingChannel, exchange: str) -> None:
    channel.exchange_declare(exchange, "topic", durable=True)


def test_a_queue_that_differs_is_named_with_what_to_do(
    amqp_url: str, channel: BlockingChannel
) -> None:
    channel.queue_declare("email_service_queue.retry.1s", durable=True)
    with pytest.raises(SettingsError) as error:
        RabbitMQ(amqp_url, (1.0,)).declare(["email"])
    for words in ("email_service_queue.retry.1s", "inequivalent arg", "Stop the relay"):
        assert words in str(error.value)


def test_an_exchange_of_another_type_is_named_too(amqp_url: str, channel: BlockingChannel) -> None:
    channel.exchange_declare("order_events", "fanout", durable=True)
    with pytest.raises(SettingsError, match="the exchange order_events exists"):
        RabbitMQ(amqp_url, LADDER).declare(["email"])


def test_what_differs_is_named_and_nothing_else(amqp_url: str, channel: BlockingChannel) -> None:
    queue = "email_service_queue.retry.200ms"
    channel.queue_declare(queue, durable=True)
    channel.exchange_declare("dlx", "fanout", durable=True)
    broker = RabbitMQ(amqp_url, LADDER)
    missing = broker.missing(["email"])
    assert broker.different(["email"]) == ["dlx", queue]
    assert broker.missing(["email"]) == missing


def test_the_depth_of_a_service_that_lacks_a_queue_names_it_and_counts_the_others(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    publish(broker, *messages(2))
    channel.queue_delete("email_service_queue.retry.200ms")
    with pytest.raises(QueuesMissing, match=r"email_service_queue\.retry\.200ms$") as caught:
        broker.depth("email")
    assert caught.value.others == {
        "email_service_queue": 2,
        "email_service_queue.retry.500ms": 0,
        "email_service_queue.retry.2s": 0,
        "email_service_queue.retry.5s": 0,
        "email_service_queue.dlq": 0,
    }


@pytest.mark.usefixtures("broker")
def test_what_is_declared_for_another_ladder_differs_in_nothing(amqp_url: str) -> None:
    assert RabbitMQ(amqp_url, (9.0,)).different(["email"]) == []


# --- connecting ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("guest:guest", "guest:wrong"), "ACCESS_REFUSED"),
        (("/test_", "/other_"), "vhost other_"),
    ],
)
def test_a_refusal_says_what_was_refused(
    amqp_url: str, change: tuple[str, str], words: str
) -> None:
    broker = RabbitMQ(amqp_url.replace(*change), LADDER)
    verbs: Sequence[Callable[[], object]] = (
        lambda: broker.depth("email"),
        lambda: broker.subscribe("email", prefetch=1),
        lambda: publish(broker, a_message()),
    )
    for verb in verbs:
        with pytest.raises(BrokerUnavailable, match=words):
            verb()


@pytest.fixture
def alarm(rabbitmq: RabbitMQServer) -> Iterator[Callable[[], None]]:
    yield rabbitmq.raise_alarm
    rabbitmq.clear_alarm()


def test_a_consumer_goes_on_while_the_broker_is_short_of_memory(
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
            # Five of these fail, and the broker takes no retry and no dead letter.
            if number in (3, 50, 100):
                delivery.retry(0.2, Failure.now("refused"))
            elif number in (51, 150):
                delivery.dead_letter("broken")
            else:
                delivery.ack()
        assert time.monotonic() - started < 20
        assert received == batch
        stays(lambda: broker.depth("email") == EMPTY and subscription.held() == 5)
        rabbitmq.clear_alarm()
        again = [take_one(subscription).message for _ in range(3)]
        assert sorted(ids(again)) == sorted(batch[number].id for number in (3, 50, 100))
        assert late(subscription) == []
        eventually(lambda: broker.depth("email").dead == 2)
        assert subscription.held() == 0


def test_what_waits_for_the_end_of_an_alarm_comes_again_when_the_consumer_is_closed(
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


def test_heartbeats_go_on_while_a_handler_is_busy(amqp_url: str) -> None:
    heartbeat = 1
    broker = RabbitMQ(f"{amqp_url}?heartbeat={heartbeat}", LADDER)
    broker.declare(["email"])
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        # Twice the heartbeat without a sign of life, and the broker would hang up.
        time.sleep(4 * heartbeat)
        delivery.ack()
        assert late(subscription) == []
    assert drain(broker, "email", 0) == []


# --- publishing ----------------------------------------------------------------------------


def test_what_no_queue_is_bound_for_is_not_confirmed(broker: RabbitMQ) -> None:
    stray = _of_type("payment.settled")
    with broker.publisher() as publisher, pytest.raises(PublishFailed, match=r"payment\.settled"):
        publisher.publish([stray])


def test_those_that_were_confirmed_are_named_when_others_were_not(broker: RabbitMQ) -> None:
    first, last = messages(2)
    with broker.publisher() as publisher:
        with pytest.raises(PublishFailed, match="1 of 3") as failure:
            publisher.publish([first, _of_type("payment.settled"), last])
        assert failure.value.confirmed == {first.id, last.id}
    assert drain(broker, "email", 2) == [first, last]


def test_what_a_full_queue_refuses_is_not_confirmed(
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


def test_threads_that_share_a_publisher_are_told_about_their_own_messages(
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


def test_what_was_confirmed_survives_a_kill_and_the_publisher_connects_anew(
    broker: RabbitMQ, rabbitmq: RabbitMQServer
) -> None:
    confirmed: list[str] = []
    with broker.publisher() as publisher:
        killer = threading.Timer(0.5, rabbitmq.kill)
        killer.start()
        with pytest.raises(BrokerUnavailable):
            _publish_on_and_on(publisher, confirmed)
        killer.join()
        with pytest.raises(BrokerUnavailable, match="refused"):
            publisher.publish([a_message()])
        rabbitmq.start()
        eventually(lambda: _is_back(broker))
        _publish_and_note(publisher, confirmed)
    received = ids(drain(broker, "email", len(confirmed), quiet=1.0))
    assert len(confirmed) > 50
    assert set(confirmed) <= set(received)
    # Only the batch whose confirmation was lost with the connection may be here beyond that.
    assert len(received) - len(confirmed) <= 50


def _publish_on_and_on(publisher: RabbitPublisher, confirmed: list[str]) -> None:
    while True:
        _publish_and_note(publisher, confirmed)


def _publish_and_note(publisher: RabbitPublisher, confirmed: list[str]) -> None:
    batch = messages(50)
    publisher.publish(batch)
    confirmed += ids(batch)


def _is_back(broker: RabbitMQ) -> bool:
    try:
        return broker.depth("email").ready > 0
    except BrokerUnavailable:
        return False


def _of_type(kind: str) -> Message:
    return Message(id="evt-stray", type=kind, source="/x", time="", key="", body=b"{}")


# --- consuming -----------------------------------------------------------------------------


def test_a_deleted_queue_ends_the_subscription(broker: RabbitMQ, channel: BlockingChannel) -> None:
    publish(broker, a_message())
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        channel.queue_delete("email_service_queue")
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="cancelled"):
            subscription.receive(1, 20.0)
        # It is told while it waits, not when the timeout ends.
        assert time.monotonic() - started < 10.0
        with pytest.raises(BrokerUnavailable):
            delivery.ack()


def test_work_that_comes_too_late_for_a_closed_channel_ends_in_an_orderly_error(
    amqp_url: str,
) -> None:
    channels: list[Channel] = []

    def start(link: Link, channel: Channel) -> None:
        channels.append(channel)
        link.opened()

    def publish_on_and_on() -> None:
        while True:
            link.call(lambda: channels[0].basic_publish("", "nowhere", b""))

    link = Link(amqp_url, "test", start=start)
    # The broker closes a channel that acknowledges what was never delivered on it.
    link.call(lambda: channels[0].basic_ack(1_000_000))
    with pytest.raises(BrokerUnavailable, match="unknown delivery tag"):
        publish_on_and_on()
    link.close()


def test_all_that_was_acknowledged_is_told_to_the_broker_before_closing(
    broker: RabbitMQ,
) -> None:
    publish(broker, *messages(2_000))
    with broker.subscribe("email", prefetch=0) as subscription:
        for delivery in take(subscription, 2_000):
            delivery.ack()
    assert broker.depth("email") == EMPTY


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
    assert broker.depth("email") == EMPTY


def test_a_delivery_that_no_rung_takes_returns_to_its_queue(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    publish(broker, a_message())
    channel.queue_delete("email_service_queue.retry.200ms")
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        with pytest.raises(BrokerUnavailable, match=r"retry\.200ms"):
            delivery.retry(0.2, Failure.now("refused"))
        with pytest.raises(BrokerUnavailable, match=r"retry\.200ms"):
            subscription.receive(1, 5)
    with broker.subscribe("email", prefetch=1) as subscription:
        again = take_one(subscription)
        assert again.message.attempt == 1
        again.retry(0.5, Failure.now("refused"))
        assert take_one(subscription).message.attempt == 2


@pytest.mark.parametrize(
    ("after", "rung"),
    [
        (0.0, "200ms"),
        (0.2, "200ms"),
        (0.49, "200ms"),
        (0.5, "500ms"),
        (1.9, "500ms"),
        (4.9, "2s"),
        (99.0, "5s"),
    ],
)
def test_a_wait_without_a_failure_takes_the_longest_rung_that_is_not_too_long(
    broker: RabbitMQ, channel: BlockingChannel, after: float, rung: str
) -> None:
    for other in {"200ms", "500ms", "2s", "5s"} - {rung}:
        channel.queue_delete(f"email_service_queue.retry.{other}")
    publish(broker, a_message())
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(after, None)
        assert take_one(subscription).message.attempt == 1


def test_a_failure_goes_to_a_rung_of_the_ladder_and_nowhere_else(broker: RabbitMQ) -> None:
    publish(broker, a_message())
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        with pytest.raises(ValueError, match="not a rung"):
            delivery.retry(0.3, Failure.now("refused"))


def test_foreign_bytes_without_headers_arrive_and_can_be_put_aside(
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


def test_ten_thousand_messages_settled_every_way_by_eight_threads_leave_nothing(
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
            # Ids are random, so by id is in no order of any kind.
            deliveries = subscription.receive(100, 5.0)
            list(threads.map(settle, sorted(deliveries, key=lambda delivery: delivery.message.id)))
        assert late(subscription, quiet=1.0) == []

    assert sorted(ended) == sorted(ids(sent))
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=len(buried))
    dead = broker.dead_letters("email").discard()
    assert sorted(letter.handle for letter in dead) == sorted(buried)
    assert broker.depth("email") == EMPTY
    assert drain(broker, "email", 0) == []


def test_acknowledged_once_is_gone_for_good(broker: RabbitMQ, rabbitmq: RabbitMQServer) -> None:
    publish(broker, *messages(100))
    with broker.subscribe("email", prefetch=100) as subscription:
        acked(take(subscription, 100))
    rabbitmq.kill()
    rabbitmq.start()
    eventually(lambda: _answers(broker))
    assert drain(broker, "email", 0, quiet=1.0) == []


def _answers(broker: RabbitMQ) -> bool:
    try:
        return broker.depth("email") == EMPTY
    except BrokerUnavailable:
        return False


# --- the broker's own dead letters ---------------------------------------------------------


def test_a_message_over_the_delivery_limit_can_be_redriven_again_and_again(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    _work_queue_of_an_older_version(broker, channel)
    message = a_message()
    publish(broker, message)
    letters = broker.dead_letters("email")
    for _ in range(2):
        _wear_out(channel)
        assert broker.depth("email") == Depth(ready=0, retrying=0, dead=1)
        (letter,) = letters.browse(10)
        assert letter.message == message
        assert letter.reason.startswith("delivery limit")
        assert letter.at[:2] == "20"
        assert letters.redrive() == [letter]
    assert drain(broker, "email", 1) == [message]
    assert broker.depth("email") == EMPTY


def test_a_message_that_climbed_the_ladder_before_is_redriven_too(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    _work_queue_of_an_older_version(broker, channel)
    message, failure = a_message(), Failure.now("refused")
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(0.2, failure)
        again = take_one(subscription).message
    _wear_out(channel)
    (letter,) = broker.dead_letters("email").redrive()
    assert letter.message == again == message.failed(failure)
    assert letter.reason.startswith("delivery limit")
    assert drain(broker, "email", 1) == [message]


def test_looking_at_dead_letters_many_times_does_not_wear_them_out(broker: RabbitMQ) -> None:
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).dead_letter("broken")
    for _ in range(30):
        assert [letter.message for letter in broker.dead_letters("email").browse(1)] == [message]


def _work_queue_of_an_older_version(broker: RabbitMQ, channel: BlockingChannel) -> None:
    arguments = {**QUEUES["email_service_queue"], "x-delivery-limit": 100}
    channel.queue_delete("email_service_queue")
    channel.queue_declare("email_service_queue", durable=True, arguments=arguments)
    broker.declare(["email"])


def test_a_work_queue_of_an_older_version_is_bound_and_differs_in_nothing(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    message = a_message()
    _work_queue_of_an_older_version(broker, channel)
    assert broker.different(["email"]) == []
    publish(broker, message)
    assert drain(broker, "email", 1) == [message]


def test_an_event_that_came_back_many_times_is_no_dead_letter(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    message = a_message()
    publish(broker, message)
    for _ in range(150):
        eventually(lambda: _came_back(channel))
    assert broker.depth("email").dead == 0
    assert drain(broker, "email", 1) == [message]


def _came_back(channel: BlockingChannel) -> bool:
    method, _properties, _body = channel.basic_get("email_service_queue")
    if method is not None:
        channel.basic_reject(method.delivery_tag or 0, requeue=True)
    return method is not None


def test_a_redrive_that_fails_half_way_says_what_went(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    batch = messages(3)
    bury(broker, "email", *batch)
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare("full", durable=True, arguments=full)
    channel.queue_bind("full", "retry", "email_service_queue")
    letters = broker.dead_letters("email")
    with pytest.raises(PartlyMoved, match="1 went") as caught:
        letters.redrive()
    [went] = caught.value.moved
    eventually(lambda: broker.depth("email").dead == 2)
    assert went.message.id not in [letter.message.id for letter in letters.browse(10)]


def _wear_out(channel: BlockingChannel) -> None:
    """Give the one message in the work queue back until the broker gives it up."""
    deadline = time.monotonic() + 30.0
    while not channel.queue_declare("email_service_queue.dlq", passive=True).method.message_count:
        assert time.monotonic() < deadline
        method, _properties, _body = channel.basic_get("email_service_queue")
        if method is not None:
            channel.basic_reject(method.delivery_tag or 0, requeue=True)
