"""What only RabbitMQ's stream can show: marks, foreign messages, and what is lost meanwhile."""

from collections.abc import Iterator
from functools import partial

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.errors import BrokerUnavailable
from shared.transport import Offset, Publisher, Span, connect
from shared.transport.names import EVENTS_STREAM, REPLAY_EXCHANGE, end_mark
from shared.transport.rabbitmq.broker import RabbitMQ
from shared.transport.rabbitmq.topology import STREAM
from shared.transport.rabbitmq.wire import brief_channel
from tests.builders import a_message
from tests.conformance.steps import messages, publish
from tests.waiting import eventually
from tools.servers import RabbitMQServer


@pytest.fixture
def broker(amqp_url: str) -> RabbitMQ:
    broker = connect(amqp_url)
    broker.declare(["email"])
    assert isinstance(broker, RabbitMQ)
    return broker


@pytest.fixture
def channel(amqp_url: str, broker: RabbitMQ) -> Iterator[BlockingChannel]:
    with brief_channel(amqp_url, "test") as channel:
        yield channel


def test_the_stream_has_these_arguments_and_keeps_seven_days(channel: BlockingChannel) -> None:
    assert STREAM.arguments == {
        "x-queue-type": "stream",
        "x-max-age": "7D",
        "x-max-length-bytes": 1_000_000_000,
        "x-stream-max-segment-size-bytes": 50_000_000,
    }
    # Declaring what exists compares it.
    channel.queue_declare(EVENTS_STREAM, durable=True, arguments=STREAM.arguments)


def test_a_stream_that_is_missing_is_named_and_one_that_differs_too(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    channel.queue_delete(EVENTS_STREAM)
    assert broker.missing(["email"]) == [EVENTS_STREAM]
    with pytest.raises(BrokerUnavailable, match=EVENTS_STREAM):
        next(broker.archive("email").read(Span()))
    channel.queue_declare(EVENTS_STREAM, durable=True, arguments={"x-queue-type": "stream"})
    assert broker.different(["email"]) == [EVENTS_STREAM]


def test_marks_of_others_are_passed_over_and_reach_no_work_queue(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    batch = messages(6)
    publish(broker, *batch[:3])
    for service in ("email", "sms"):
        channel.basic_publish(REPLAY_EXCHANGE, end_mark(service), b"", mandatory=True)
    assert [each.message for each in broker.archive("email").read(Span())] == batch[:3]
    publish(broker, *batch[3:])
    read = list(broker.archive("sms").read(Span()))
    assert [each.message for each in read] == batch
    # Two marks of ours from above and one of the first reading lie in between.
    assert [int(each.position) for each in read] == [0, 1, 2, 6, 7, 8]
    assert broker.depth("email").ready == 6


def test_what_came_by_another_exchange_is_no_event(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    event = a_message()
    publish(broker, event)
    # Only an administrator can do this: services have no right to the default exchange.
    channel.basic_publish("", EVENTS_STREAM, b"forged", mandatory=True)
    assert [each.message for each in broker.archive("email").read(Span())] == [event]


def test_foreign_bytes_without_headers_are_read_as_they_are(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    channel.basic_publish("order_events", "order.odd", b"\xff\0", pika.BasicProperties())
    [each] = broker.archive("email").read(Span())
    assert (each.message.body, each.message.id) == (b"\xff\0", "")
    assert each.time.year == 1970


def test_a_stream_that_is_deleted_ends_the_reading(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    publish(broker, *messages(5_000))
    reading = broker.archive("email").read(Span())
    next(reading)
    channel.queue_delete(EVENTS_STREAM)
    with pytest.raises(BrokerUnavailable):
        list(reading)


def test_a_killed_broker_ends_the_reading_and_keeps_what_was_confirmed(
    broker: RabbitMQ, rabbitmq: RabbitMQServer
) -> None:
    batch = messages(5_000)
    publish(broker, *batch)
    reading = broker.archive("email").read(Span())
    next(reading)
    rabbitmq.kill()
    with pytest.raises(BrokerUnavailable):
        list(reading)
    rabbitmq.start()
    eventually(lambda: not broker.missing(["email"]))
    assert [each.message for each in broker.archive("email").read(Span())] == batch


def test_an_offset_is_where_it_was_after_a_restart(
    broker: RabbitMQ, rabbitmq: RabbitMQServer
) -> None:
    batch = messages(20)
    publish(broker, *batch)
    rabbitmq.restart()
    eventually(lambda: not broker.missing(["email"]))
    assert [each.message for each in broker.archive("email").read(Span(Offset(12)))] == batch[12:]


def test_what_is_confirmed_right_after_a_start_is_kept_as_well(
    broker: RabbitMQ, rabbitmq: RabbitMQServer
) -> None:
    """A broker takes connections before its stream is there, and would confirm all the same."""
    confirmed: list[str] = []
    for _ in range(3):
        rabbitmq.restart()
        with broker.publisher() as publisher:
            eventually(partial(published, publisher, confirmed))
    eventually(lambda: not broker.missing(["email"]))
    kept = [each.message.id for each in broker.archive("email").read(Span())]
    assert sorted(kept) == sorted(confirmed)


def published(publisher: Publisher, confirmed: list[str]) -> bool:
    event = a_message()
    try:
        publisher.publish([event])
    except BrokerUnavailable:
        return False
    confirmed.append(event.id)
    return True
