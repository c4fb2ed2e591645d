"""A declared RabbitMQ and a bare channel to it."""

from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.transport.rabbitmq.broker import RabbitMQ
from tests.integration.rabbitmq.declared import LADDER


@pytest.fixture
def broker(amqp_url: str) -> RabbitMQ:
    broker = RabbitMQ(amqp_url, LADDER)
    broker.declare(["email"])
    return broker


@pytest.fixture
def channel(amqp_url: str) -> Iterator[BlockingChannel]:
    """A channel without our transport, as an operator or a foreign producer would have."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        yield connection.channel()
