"""The RabbitMQ stream behind replays: end marks, foreign messages, deletion and crashes."""

from collections.abc import Iterator
from functools import partial

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.errors import BrokerUnavailable
from shared.transport import Message, Offset, Publisher, Span, connect
from shared.transport.names import EVENTS_STREAM, REPLAY_EXCHANGE, end_mark
from shared.transport.rabbitmq.broker import RabbitMQ
from shared.transport.rabbitmq.topology import STREAM
from shared.transport.rabbitmq.wire import brief_channel
from tests.builders import a_message
from tests.conformance.steps import messages, publish
from tests.waiting import eventually, once_available
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
    # Declaring an existing queue compares its arguments.
    channel.queue_declare(EVENTS_STREAM, durable=True, arguments=STREAM.arguments)


def test_a_missing_or_different_stream_is_reported(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    channel.queue_delete(EVENTS_STREAM)
    assert broker.missing(["email"]) == [EVENTS_STREAM]
    with pytest.raises(BrokerUnavailable, match=EVENTS_STREAM):
        next(broker.archive("email").read(Span()))
    channel.queue_declare(EVENTS_STREAM, durable=True, arguments={"x-queue-type": "stream"})
    assert broker.different(["email"]) == [EVENTS_STREAM]


def test_end_marks_of_other_services_are_skipped_and_reach_no_work_queue(
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
    # Offsets 3 to 5 hold the two marks from above and the mark of the first read.
    assert [int(each.position) for each in read] == [0, 1, 2, 6, 7, 8]
    assert broker.depth("email").ready == 6


def test_a_message_from_another_exchange_is_not_an_event(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    event = a_message()
    publish(broker, event)
    # Only an administrator can do this: services may not use the default exchange.
    channel.basic_publish("", EVENTS_STREAM, b"forged", mandatory=True)
    assert [each.message for each in broker.archive("email").read(Span())] == [event]


def test_foreign_bytes_without_headers_are_read_unchanged(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    channel.basic_publish("order_events", "order.odd", b"\xff\0", pika.BasicProperties())
    [each] = broker.archive("email").read(Span())
    assert (each.message.body, each.message.id) == (b"\xff\0", "")
    assert each.time.year == 1970


def test_deleting_the_stream_ends_a_read(broker: RabbitMQ, channel: BlockingChannel) -> None:
    publish(broker, *messages(5_000))
    reading = broker.archive("email").read(Span())
    next(reading)
    channel.queue_delete(EVENTS_STREAM)
    with pytest.raises(BrokerUnavailable):
        list(reading)


def test_a_broker_crash_ends_a_read_and_keeps_confirmed_events(
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
    assert once_available(lambda: kept(broker, Span())) == batch


def test_offsets_stay_the_same_after_a_restart(broker: RabbitMQ, rabbitmq: RabbitMQServer) -> None:
    batch = messages(20)
    publish(broker, *batch)
    rabbitmq.restart()
    assert once_available(lambda: kept(broker, Span(Offset(12)))) == batch[12:]


# A restart takes 15 s.
@pytest.mark.parametrize("restarts", [1, pytest.param(3, marks=pytest.mark.matrix)])
def test_events_confirmed_right_after_a_restart_are_stored(
    broker: RabbitMQ, rabbitmq: RabbitMQServer, restarts: int
) -> None:
    """Without our guards, a broker whose stream is not up yet would confirm them all the same."""
    confirmed: list[str] = []
    for _ in range(restarts):
        rabbitmq.restart()
        with broker.publisher() as publisher:
            eventually(partial(published, publisher, confirmed))
    stored = once_available(lambda: kept(broker, Span()))
    assert sorted(message.id for message in stored) == sorted(confirmed)


def kept(broker: RabbitMQ, span: Span) -> list[Message]:
    return [each.message for each in broker.archive("email").read(span)]


def published(publisher: Publisher, confirmed: list[str]) -> bool:
    event = a_message()
    try:
        publisher.publish([event])
    except BrokerUnavailable:
        return False
    confirmed.append(event.id)
    return True
