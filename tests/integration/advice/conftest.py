"""Bare clients, set up as articles about message queues set them up."""

from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel


@pytest.fixture
def channel(amqp_url: str) -> Iterator[BlockingChannel]:
    """A pika channel without our transport."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        yield connection.channel()
