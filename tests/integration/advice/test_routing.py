"""A topic exchange: the bindings decide which queues get a copy."""

from pika.adapters.blocking_connection import BlockingChannel

from tests.integration.advice.rabbitmq import PERSISTENT, size
from tests.waiting import eventually

BINDINGS = {"all orders": "order.*", "refunds": "order.refunded", "everything": "#"}


def test_a_queue_gets_the_messages_that_its_binding_matches(channel: BlockingChannel) -> None:
    channel.exchange_declare("events", "topic", durable=True)
    for queue, binding in BINDINGS.items():
        channel.queue_declare(queue, durable=True)
        channel.queue_bind(queue, "events", binding)
    channel.confirm_delivery()
    for key in ("order.placed", "order.refunded", "order.item.returned", "payment.failed"):
        channel.basic_publish("events", key, b"{}", PERSISTENT, mandatory=True)
    expected = {"all orders": 2, "refunds": 1, "everything": 4}
    eventually(lambda: {queue: size(channel, queue) for queue in BINDINGS} == expected)
