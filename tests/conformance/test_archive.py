"""Reading retained events again, without affecting any consumer."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import BrokerUnavailable, SpanError
from shared.transport import Broker, Message, Offset, Span, Stored
from shared.transport.archive import parse_point
from tests.conformance.steps import a_message, bury, drain, messages, publish, take
from tests.conformance.transports import Transport
from tests.waiting import once_available

#: RabbitMQ stores times in whole seconds.
APART = 2.1


def stored(broker: Broker, span: Span | None = None) -> list[Stored]:
    return list(broker.archive("email").read(span or Span()))


def read(broker: Broker, span: Span | None = None) -> list[Message]:
    return [event.message for event in stored(broker, span)]


def answers(broker: Broker) -> bool:
    """Just after a start a server may accept connections without having loaded its queues."""
    with suppress(BrokerUnavailable):
        return bool(read(broker))
    return False


def test_without_events_there_is_nothing_to_read(broker: Broker) -> None:
    assert read(broker) == []
    assert read(broker, Span(Offset(0))) == []


def test_consumed_events_can_be_read_as_they_were_published(broker: Broker) -> None:
    batch = messages(250)
    publish(broker, *batch)
    assert drain(broker, "email", 250) == batch
    assert read(broker) == batch
    assert read(broker) == batch


def test_several_pages_are_read_completely_and_in_order(broker: Broker) -> None:
    batch = [a_message(b"x" * 100) for _ in range(2_345)]
    publish(broker, *batch)
    assert read(broker) == batch


def test_reading_ends_while_events_keep_arriving(broker: Broker) -> None:
    publish(broker, *messages(600))
    count = 0
    with broker.publisher() as publisher:
        for _event in broker.archive("email").read(Span()):
            count += 1
            if count % 50 == 0:
                publisher.publish([a_message()])
    # A transport may read events published while it began to read, but not later ones.
    assert 600 <= count <= 602


def test_live_consumers_are_not_affected(broker: Broker) -> None:
    batch = messages(5)
    publish(broker, *batch)
    with broker.subscribe("email", prefetch=2) as subscription:
        held = take(subscription, 2)
        assert len(read(broker)) == 5
        for delivery in held:
            delivery.ack()
    rest = [message.id for message in drain(broker, "email", 3)]
    assert rest == [message.id for message in batch[2:]]
    assert drain(broker, "sms", 5) == batch
    assert [broker.depth(name).ready for name in ("email", "sms")] == [0, 0]


def test_retries_and_dead_letters_are_not_read_as_events(broker: Broker) -> None:
    bury(broker, "email", *messages(3))
    broker.dead_letters("email").redrive()
    assert len(read(broker)) == 3


def test_reading_can_start_at_a_position(broker: Broker) -> None:
    batch = messages(20)
    publish(broker, *batch)
    places = [parse_point(event.position) for event in stored(broker)]
    assert len(set(places)) == 20
    assert read(broker, Span(places[5])) == batch[5:]
    assert read(broker, Span(None, places[5])) == batch[:5]
    assert read(broker, Span(places[5], places[8])) == batch[5:8]
    assert read(broker, Span(places[8], places[5])) == []


def test_a_start_past_the_end_finds_nothing_and_does_not_wait(broker: Broker) -> None:
    publish(broker, *messages(3))
    began = time.monotonic()
    assert read(broker, Span(Offset(1_000_000))) == []
    assert read(broker, Span(datetime.now(UTC) + timedelta(hours=1))) == []
    assert time.monotonic() - began < 10


def test_reading_can_be_limited_by_time(broker: Broker) -> None:
    before, after = messages(4), messages(3)
    publish(broker, *before)
    time.sleep(APART)
    between = datetime.now(UTC)
    time.sleep(APART / 2)
    publish(broker, *after)
    assert read(broker, Span(between)) == after
    assert read(broker, Span(None, between)) == before
    assert read(broker, Span(between - timedelta(days=3))) == before + after


@pytest.mark.parametrize(
    "early", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:30Z"]
)
def test_any_representable_time_can_be_a_limit(broker: Broker, early: str) -> None:
    sent = messages(2)
    publish(broker, *sent)
    first, last = parse_point(early), parse_point("9999-12-31T23:59:59.999999Z")
    assert read(broker, Span(first, last)) == sent
    assert read(broker, Span(None, first)) == []
    assert read(broker, Span(last)) == []


def test_an_events_time_is_its_publishing_time(broker: Broker) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    publish(broker, a_message())
    [event] = stored(broker)
    assert began <= event.time <= datetime.now(UTC)


def test_concurrent_readers_each_read_everything(broker: Broker) -> None:
    batch = messages(1_200)
    publish(broker, *batch)
    one, other = (broker.archive(name).read(Span()) for name in ("email", "sms"))
    pairs = list(zip(one, other, strict=True))
    assert [first.message for first, _second in pairs] == batch
    assert [second.message for _first, second in pairs] == batch


def test_an_abandoned_read_leaves_nothing_behind(broker: Broker) -> None:
    batch: Sequence[Message] = messages(1_000)
    publish(broker, *batch)
    reading = broker.archive("email").read(Span())
    assert next(reading).message == batch[0]
    reading.close()
    assert read(broker) == batch


def test_a_partition_is_refused_on_a_broker_without_partitions(broker: Broker) -> None:
    publish(broker, a_message())
    with pytest.raises(SpanError, match="no partitions: 0, not 7:0"):
        read(broker, Span(Offset(0, partition=7)))


def test_events_can_be_read_after_a_restart(transport: Transport) -> None:
    broker = transport.connect((0.2,))
    broker.declare(["email"])
    batch = messages(30)
    publish(broker, *batch)
    transport.stop()
    transport.start()
    assert once_available(lambda: read(broker)) == batch
