"""Foreign messages with headers that pika cannot decode, on every path that reads messages."""

from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.transport import Message, Span
from shared.transport.message import to_headers
from shared.transport.names import DEAD_LETTER_EXCHANGE, EVENTS_EXCHANGE, dead_letter_queue
from shared.transport.rabbitmq.broker import RabbitMQ
from shared.transport.rabbitmq.wire import PREFIX
from tests.amqp import ODD_VALUES, RawHeaders, text
from tests.builders import a_message
from tests.conformance.steps import drain, publish, take_one

#: RabbitMQ 3.10 closes a connection that sends one of these.
REFUSED = {"no number", "an infinite number", "the largest decimal"}
TAKEN = [ODD_VALUES[name] for name in sorted(ODD_VALUES.keys() - REFUSED)]
BODY = b"\xff\x00 not an event"


@pytest.fixture
def broker(amqp_url: str) -> RabbitMQ:
    broker = RabbitMQ(amqp_url, (0.2,))
    broker.declare(["email"])
    return broker


@pytest.fixture
def channel(amqp_url: str, broker: RabbitMQ) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def headers(message: Message, odd: bytes) -> RawHeaders:
    known = {name.encode(): text(value) for name, value in to_headers(message, PREFIX).items()}
    return RawHeaders({b"odd": odd, b"\xfe": odd, **known})


def test_events_with_odd_headers_are_consumed_and_replayed(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    events = [a_message() for _ in TAKEN]
    for event, odd in zip(events, TAKEN, strict=True):
        channel.basic_publish(EVENTS_EXCHANGE, "order.placed", event.body, headers(event, odd))
    assert drain(broker, "email", len(events)) == events
    assert [each.message for each in broker.archive("email").read(Span())] == events


def test_messages_with_odd_headers_can_be_dead_lettered_redriven_and_discarded(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    for odd in TAKEN:
        channel.basic_publish(EVENTS_EXCHANGE, "order.placed", BODY, RawHeaders({b"odd": odd}))
        _dead_letter_directly(channel, odd)
    with broker.subscribe("email", prefetch=1) as subscription:
        for _ in TAKEN:
            take_one(subscription).dead_letter("not an event")
    letters, both = broker.dead_letters("email"), [BODY] * 2 * len(TAKEN)
    found = letters.browse(100)
    assert [letter.message.body for letter in found] == both
    assert [letter.message.body for letter in letters.redrive({found[0].handle})] == both
    assert [message.body for message in drain(broker, "email", len(both))] == both
    for odd in TAKEN:
        _dead_letter_directly(channel, odd)
    assert [letter.message.body for letter in letters.discard()] == [BODY] * len(TAKEN)
    assert broker.depth("email").dead == 0


def _dead_letter_directly(channel: BlockingChannel, odd: bytes) -> None:
    """Publish to the dead letter queue, as the broker does at the delivery limit."""
    queue = dead_letter_queue("email")
    channel.basic_publish(DEAD_LETTER_EXCHANGE, queue, BODY, RawHeaders({b"odd": odd}))


def test_an_invalid_timestamp_does_not_stop_a_replay(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    first, odd, last = a_message(), a_message(), a_message()
    publish(broker, first)
    known = dict(to_headers(odd, PREFIX))
    milliseconds = pika.BasicProperties(timestamp=1_767_323_045_000, headers=known)
    channel.basic_publish(EVENTS_EXCHANGE, "order.placed", odd.body, milliseconds)
    publish(broker, last)
    stored = list(broker.archive("email").read(Span()))
    assert [each.message for each in stored] == [first, odd, last]
    assert stored[1].time == stored[0].time
    since = Span(stored[0].time)
    assert [each.message for each in broker.archive("email").read(since)] == [first, odd, last]
