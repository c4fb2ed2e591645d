"""`durable` and `persistent`: what a restart of the broker leaves."""

import pika
import pytest
from pika import BasicProperties
from pika.exceptions import ChannelClosedByBroker

from tests.integration.advice.rabbitmq import PERSISTENT, size, take
from tests.waiting import eventually
from tools.servers import RabbitMQServer


def test_only_persistent_messages_in_durable_queues_survive_a_restart(
    amqp_url: str, rabbitmq: RabbitMQServer
) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for queue, durable in (("durable", True), ("passing", False)):
            channel.queue_declare(queue, durable=durable)
            channel.basic_publish("", queue, b"persistent", PERSISTENT)
            channel.basic_publish("", queue, b"transient", BasicProperties(delivery_mode=1))
    rabbitmq.restart()
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        eventually(lambda: size(channel, "durable") == 1)
        taken = take(channel, "durable")
        assert taken is not None
        assert taken[1] == "persistent"
        with pytest.raises(ChannelClosedByBroker, match="no queue 'passing'"):
            size(channel, "passing")
