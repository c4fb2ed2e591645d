"""Private RabbitMQ, Kafka and PostgreSQL: ports and folders of their own, nothing left behind."""

from tests.servers.kafka import KafkaServer
from tests.servers.postgres import PostgresServer
from tests.servers.process import ServerFailed, ServerMissing
from tests.servers.rabbitmq import RabbitMQServer

__all__ = [
    "KafkaServer",
    "PostgresServer",
    "RabbitMQServer",
    "ServerFailed",
    "ServerMissing",
]
