"""Browsing and redriving dead letters."""

import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.transport import PartlyMoved
from shared.transport.rabbitmq.broker import RabbitMQ
from tests.conformance.steps import a_message, bury, messages, publish, take_one
from tests.waiting import eventually


def test_browsing_dead_letters_does_not_use_up_their_delivery_limit(broker: RabbitMQ) -> None:
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).dead_letter("broken")
    for _ in range(30):
        assert [letter.message for letter in broker.dead_letters("email").browse(1)] == [message]


def test_a_redrive_that_fails_half_way_reports_the_moved_letters(
    broker: RabbitMQ, channel: BlockingChannel
) -> None:
    batch = messages(3)
    bury(broker, "email", *batch)
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare("full", durable=True, arguments=full)
    channel.queue_bind("full", "retry", "email_service_queue")
    letters = broker.dead_letters("email")
    with pytest.raises(PartlyMoved, match="1 were moved") as caught:
        letters.redrive()
    [went] = caught.value.moved
    eventually(lambda: broker.depth("email").dead == 2)
    assert went.message.id not in [letter.message.id for letter in letters.browse(10)]
