"""Publishing over a connection to RabbitMQ that is lost, blocked or silent."""

import threading
from collections.abc import Iterator

import pytest
from pika.channel import Channel

from shared.errors import BrokerUnavailable
from shared.transport.rabbitmq.confirms import Batch
from shared.transport.rabbitmq.connection import Link
from shared.transport.rabbitmq.outgoing import RabbitOutgoing
from tests.amqp_broker import AmqpBroker
from tests.unit.shared.transport.rabbitmq.test_confirms import a_message
from tests.waiting import PATIENCE_SECONDS, eventually, stays

#: The connection's timeout in seconds while the broker blocks it for lack of memory.
BLOCKED = "?blocked_connection_timeout=0.2"


@pytest.fixture
def broker() -> Iterator[AmqpBroker]:
    with AmqpBroker() as broker:
        yield broker


@pytest.fixture
def outgoing(broker: AmqpBroker) -> Iterator[RabbitOutgoing]:
    made = RabbitOutgoing(broker.url + BLOCKED, "outgoing")
    yield made
    made.close()


def sent(outgoing: RabbitOutgoing, event_id: str) -> Batch:
    return outgoing.send([a_message(event_id)], lambda _batch: None)


def expect_confirmed(batch: Batch) -> None:
    assert batch.wait(PATIENCE_SECONDS)
    batch.check()


def linked(broker: AmqpBroker, **options: float) -> Link:
    def start(link: Link, _channel: Channel) -> None:
        link.opened()

    return Link(broker.url + BLOCKED, "linked", start=start, **options)  # type: ignore[arg-type]


def test_all_messages_use_one_connection(broker: AmqpBroker, outgoing: RabbitOutgoing) -> None:
    assert broker.connections == 0
    for event_id in "abc":
        expect_confirmed(sent(outgoing, event_id))
    assert (broker.published, broker.connections) == (["a", "b", "c"], 1)


def test_after_a_lost_connection_the_next_message_uses_a_new_one(
    broker: AmqpBroker, outgoing: RabbitOutgoing
) -> None:
    broker.confirms = False
    batch = sent(outgoing, "a")
    eventually(lambda: broker.published)
    broker.hang_up()
    assert batch.wait(PATIENCE_SECONDS)
    with pytest.raises(BrokerUnavailable):
        batch.check()
    broker.confirms = True
    expect_confirmed(sent(outgoing, "b"))
    assert (broker.published, broker.connections) == (["a", "b"], 2)


def test_a_memory_alarm_does_not_end_this_connection(
    broker: AmqpBroker, outgoing: RabbitOutgoing
) -> None:
    expect_confirmed(sent(outgoing, "a"))
    other = linked(broker)
    broker.block()
    eventually(lambda: other.gone)
    stays(lambda: outgoing._connected() and broker.connections == 2)
    expect_confirmed(sent(outgoing, "b"))


def test_closing_sends_an_amqp_close(broker: AmqpBroker, outgoing: RabbitOutgoing) -> None:
    outgoing.close()
    expect_confirmed(sent(outgoing, "a"))
    outgoing.close()
    eventually(lambda: broker.goodbyes == 1)


def test_closing_does_not_wait_for_ever_for_the_broker(broker: AmqpBroker) -> None:
    link = linked(broker, close_timeout=0.2)
    broker.is_frozen.set()
    link.close()
    eventually(lambda: "amqp linked" not in [thread.name for thread in threading.enumerate()])
