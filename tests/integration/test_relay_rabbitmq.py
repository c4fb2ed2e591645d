"""The relay with a real RabbitMQ: delivery, missing queues, and restarts."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import update

from services.order.relay.loop import Relay
from services.order.relay.publishing import REFUSALS
from services.order.schema import outbox
from shared.events import decode
from shared.transport import Broker, Message, connect
from shared.transport.rabbitmq.wire import brief_channel
from tests.order_service import OrderService
from tests.relay_parts import CONSUMERS, running
from tests.waiting import eventually, stays
from tools.servers import RabbitMQServer


@pytest.fixture
def service(sqlite_url: str) -> Iterator[OrderService]:
    with OrderService(sqlite_url) as made:
        yield made


@pytest.fixture
def broker(amqp_url: str) -> Broker:
    return connect(amqp_url)


@pytest.fixture
def relay(service: OrderService, broker: Broker) -> Relay:
    return Relay(service.engine, broker, CONSUMERS)


def place(service: OrderService, count: int) -> list[str]:
    return [service.post().get_json()["orderId"] for _ in range(count)]


def is_empty(service: OrderService) -> bool:
    return service.rows()[1] == 0


def received(broker: Broker, consumer: str, count: int) -> list[Message]:
    """Acknowledge `count` messages; further ones stay in the queue, where `depth` counts them."""
    messages: list[Message] = []
    with broker.subscribe(consumer, prefetch=count) as subscription:

        def all_are_here() -> bool:
            for delivery in subscription.receive(count - len(messages), 0.2):
                messages.append(delivery.message)
                delivery.ack()
            return len(messages) == count

        eventually(all_are_here)
    return messages


def test_every_consumer_gets_every_event_in_order(
    service: OrderService, broker: Broker, relay: Relay
) -> None:
    broker.declare(CONSUMERS)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    placed = [service.post(traceparent=trace).get_json()["orderId"] for _ in range(20)]
    rows = service.waiting()
    with running(relay):
        eventually(lambda: is_empty(service))
    for consumer in CONSUMERS:
        messages = received(broker, consumer, 20)
        assert [message.key for message in messages] == placed
        assert [message.id for message in messages] == [row.id for row in rows]
        assert [message.body for message in messages] == [row.payload.encode() for row in rows]
        assert {message.traceparent for message in messages} == {trace}
        assert decode(messages[0].body).order_id == placed[0]


def test_with_a_queue_missing_it_is_not_ready_and_publishes_nothing(
    service: OrderService, broker: Broker, relay: Relay
) -> None:
    """With only one of the two queues bound, RabbitMQ would confirm every publish."""
    broker.declare(CONSUMERS[:1])
    place(service, 2)
    with running(relay):
        eventually(lambda: "sms_service_queue" in (relay.why_not_ready() or ""))
        stays(lambda: broker.depth("email").ready == 0, for_seconds=1)
        assert service.rows() == (2, 2)
        broker.declare(CONSUMERS)
        eventually(lambda: is_empty(service))
    for consumer in CONSUMERS:
        assert len(received(broker, consumer, 2)) == 2


@pytest.mark.parametrize("go_down", [RabbitMQServer.stop, RabbitMQServer.kill])
def test_a_broker_restart_loses_nothing(
    service: OrderService,
    broker: Broker,
    relay: Relay,
    rabbitmq: RabbitMQServer,
    go_down: Callable[[RabbitMQServer], None],
) -> None:
    broker.declare(CONSUMERS)
    with running(relay) as died:
        placed = place(service, 5)
        eventually(lambda: is_empty(service))
        go_down(rabbitmq)
        placed += place(service, 5)
        eventually(lambda: relay.why_not_ready() is not None)
        assert service.rows() == (10, 5)
        rabbitmq.start()
        eventually(lambda: is_empty(service), within=60)
        eventually(lambda: relay.why_not_ready() is None)
        assert not died.is_set()
    for consumer in CONSUMERS:
        assert [message.key for message in received(broker, consumer, 10)] == placed


def test_replacing_a_queue_as_advised_loses_no_order(
    service: OrderService, broker: Broker, relay: Relay, amqp_url: str
) -> None:
    broker.declare(CONSUMERS)
    with running(relay):
        before = place(service, 30)
        eventually(lambda: is_empty(service))
    meanwhile = place(service, 20)
    assert [message.key for message in received(broker, "sms", 30)] == before
    delete(amqp_url, "sms_service_queue")
    meanwhile += place(service, 10)
    broker.declare(CONSUMERS)
    with running(Relay(service.engine, broker, CONSUMERS)):
        after = place(service, 20)
        eventually(lambda: is_empty(service))
    assert [message.key for message in received(broker, "sms", 50)] == meanwhile + after
    keys = [message.key for message in received(broker, "email", 80)]
    assert keys == before + meanwhile + after


def test_a_queue_replaced_while_the_relay_runs_gets_every_later_order(
    service: OrderService, broker: Broker, relay: Relay, amqp_url: str
) -> None:
    broker.declare(CONSUMERS)
    with running(relay):
        before = place(service, 20)
        eventually(lambda: is_empty(service))
        assert [message.key for message in received(broker, "sms", 20)] == before
        delete(amqp_url, "sms_service_queue")
        placed = place(service, 40)
        stays(lambda: service.rows() == (60, 40))
        broker.declare(CONSUMERS)
        placed += place(service, 20)
        eventually(lambda: is_empty(service))
    assert [message.key for message in received(broker, "sms", 60)] == placed


def test_a_row_with_an_unroutable_type_is_set_aside_and_others_are_published(
    service: OrderService, broker: Broker, relay: Relay
) -> None:
    broker.declare(CONSUMERS)
    placed = place(service, 4)
    for number, kind in enumerate(("payment.settled", "order." + 300 * "x")):
        change_type(service, service.waiting()[number].seq, kind)
    with running(relay):
        eventually(lambda: service.rows() == (4, 2))
        for _ in range(REFUSALS):
            placed += place(service, 1)
            eventually(lambda: service.rows()[1] == 2)
        eventually(lambda: relay.why_not_ready() is None)
    assert [message.key for message in received(broker, "sms", 5)] == placed[2:]
    assert service.get("/outbox").get_json()["setAside"] == 2


def change_type(service: OrderService, seq: int, kind: str) -> None:
    with service.engine.begin() as tx:
        tx.execute(update(outbox).where(outbox.c.seq == seq).values(type=kind))


def delete(amqp_url: str, queue: str) -> None:
    with brief_channel(amqp_url, "test") as channel:
        channel.queue_delete(queue)
