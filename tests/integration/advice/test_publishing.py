"""Publishers without confirms."""

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError, UnroutableError

from tests.integration.advice.rabbitmq import PERSISTENT, WORK, declare, send, size
from tests.waiting import eventually, stays


def test_without_confirms_a_message_for_no_queue_is_lost_without_an_error(
    channel: BlockingChannel,
) -> None:
    channel.exchange_declare("orders", "topic", durable=True)
    channel.basic_publish("orders", "order.placed", b"an order", PERSISTENT)
    channel.queue_declare("late", durable=True)
    channel.queue_bind("late", "orders", "order.*")
    stays(lambda: size(channel, "late") == 0)


def test_with_confirms_and_mandatory_the_publisher_learns_of_it(channel: BlockingChannel) -> None:
    channel.exchange_declare("orders", "topic", durable=True)
    channel.confirm_delivery()
    with pytest.raises(UnroutableError):
        channel.basic_publish("orders", "order.placed", b"an order", PERSISTENT, mandatory=True)


def test_without_confirms_a_refused_message_is_lost_without_an_error(
    channel: BlockingChannel,
) -> None:
    declare(channel, x_max_length=1, x_overflow="reject-publish")
    for number in range(3):
        send(channel, f"order {number}")
    eventually(lambda: size(channel, WORK) == 1)
    stays(lambda: size(channel, WORK) == 1)
    channel.confirm_delivery()
    with pytest.raises(NackError):
        send(channel, "order 3")
