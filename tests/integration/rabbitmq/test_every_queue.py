"""An event is confirmed only when every queue has it, even if a queue is deleted or unbound."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport import Message, Publisher, Span
from shared.transport.names import (
    BINDING,
    EVENTS_EXCHANGE,
    EVENTS_STREAM,
    EVERY_QUEUE,
    guard,
    work_queue,
)
from shared.transport.rabbitmq.broker import RabbitMQ
from tests.conformance.steps import a_message, drain, ids, messages, publish
from tests.waiting import eventually

SERVICES = ("email", "sms")
SMS = work_queue("sms")


@pytest.fixture
def broker(amqp_url: str) -> RabbitMQ:
    broker = RabbitMQ(amqp_url, (0.2,))
    broker.declare(SERVICES)
    return broker


@pytest.fixture
def channel(amqp_url: str, broker: RabbitMQ) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        yield connection.channel()


def test_each_queue_gets_each_event_once(broker: RabbitMQ) -> None:
    batch = messages(20)
    publish(broker, *batch)
    assert [drain(broker, service, 20) for service in SERVICES] == [batch, batch]
    assert [each.message for each in broker.archive("email").read(Span())] == batch


Change = Callable[[BlockingChannel], object]
FAULTS: dict[str, Change] = {
    "a queue is deleted": lambda channel: channel.queue_delete(SMS),
    "a queue is unbound": lambda channel: channel.queue_unbind(SMS, guard(SMS), ""),
    "the stream is deleted": lambda channel: channel.queue_delete(EVENTS_STREAM),
    "all exchanges of events are deleted": lambda channel: [
        channel.exchange_delete(name) for name in (EVENTS_EXCHANGE, EVERY_QUEUE, guard(SMS))
    ],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_event_is_not_confirmed_until_it_reaches_every_queue(
    broker: RabbitMQ, channel: BlockingChannel, fault: str
) -> None:
    event = a_message()
    with broker.publisher() as publisher:
        publisher.publish([a_message()])
        FAULTS[fault](channel)
        with pytest.raises((PublishFailed, BrokerUnavailable)):
            publisher.publish([event])
        broker.declare(SERVICES)
        publisher.publish([event])
    for service in SERVICES:
        assert event.id in ids(_all_in(broker, service))
    assert event.id in [each.message.id for each in broker.archive("email").read(Span())]


def _all_in(broker: RabbitMQ, service: str) -> list[Message]:
    return drain(broker, service, broker.depth(service).ready)


REDUNDANT_LOSSES: dict[str, Change] = {
    "the guard of a queue is deleted": lambda channel: channel.exchange_delete(guard(SMS)),
    "the guard of a queue is unbound": lambda channel: channel.exchange_unbind(
        guard(SMS), EVERY_QUEUE, ""
    ),
    "a queue is unbound from the exchange of events": lambda channel: channel.queue_unbind(
        SMS, EVENTS_EXCHANGE, BINDING
    ),
    "the way to the guards is gone": lambda channel: channel.exchange_delete(EVERY_QUEUE),
}


@pytest.mark.parametrize("loss", REDUNDANT_LOSSES)
def test_a_lost_binding_loses_no_event(
    broker: RabbitMQ, channel: BlockingChannel, loss: str
) -> None:
    REDUNDANT_LOSSES[loss](channel)
    event = a_message()
    publish(broker, event)
    assert [drain(broker, service, 1) for service in SERVICES] == [[event], [event]]


def test_a_topology_of_an_older_version_is_completed_without_loss(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    for exchange in (EVERY_QUEUE, guard(SMS), guard(work_queue("email")), guard(EVENTS_STREAM)):
        channel.exchange_delete(exchange)
    assert len(broker.missing(SERVICES)) == 4
    before, after = a_message(), a_message()
    publish(broker, before)
    broker.declare(SERVICES)
    assert (broker.missing(SERVICES), broker.different(SERVICES)) == ([], [])
    publish(broker, after)
    assert [drain(broker, service, 2) for service in SERVICES] == [[before, after]] * 2


def test_a_recreated_queue_gets_every_event_confirmed_since(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    confirmed: list[str] = []
    for _ in range(5):
        with _publishing_continuously(broker, confirmed):
            count = len(confirmed)
            eventually(lambda before=count: len(confirmed) > before + 50)  # type: ignore[misc]
            channel.queue_delete(SMS)
            deleted = len(confirmed)
            broker.declare(SERVICES)
            count = len(confirmed)
            eventually(lambda before=count: len(confirmed) > before + 50)  # type: ignore[misc]
        received = set(ids(_all_in(broker, "sms")))
        # The deleted queue may have taken one more event, whose confirm came later.
        since = confirmed[deleted + 1 :]
        assert [event for event in since if event not in received] == []
        assert len(since) > 49
        confirmed.clear()


@contextmanager
def _publishing_continuously(broker: RabbitMQ, confirmed: list[str]) -> Iterator[None]:
    over = threading.Event()

    def run(publisher: Publisher) -> None:
        while not over.is_set():
            event = a_message()
            with suppress(PublishFailed, BrokerUnavailable):
                publisher.publish([event])
                confirmed.append(event.id)

    with broker.publisher() as publisher:
        thread = threading.Thread(target=run, args=(publisher,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def test_recreating_an_exchange_under_load_loses_nothing(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    confirmed: list[str] = []
    with _publishing_continuously(broker, confirmed):
        for _ in range(10):
            count = len(confirmed)
            eventually(lambda before=count: len(confirmed) > before + 20)  # type: ignore[misc]
            channel.exchange_delete(EVENTS_EXCHANGE)
            broker.declare(SERVICES)
    for service in SERVICES:
        assert set(confirmed) <= set(ids(_all_in(broker, service)))
