"""Private servers: ports and folders of their own, nothing left behind."""

from tests.servers.kafka import KafkaServer
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import PostgresServer
from tests.servers.process import ServerFailed, ServerMissing
from tests.servers.rabbitmq import RabbitMQServer

__all__ = [
    "KafkaServer",
    "PgBouncer",
    "PostgresServer",
    "RabbitMQServer",
    "ServerFailed",
    "ServerMissing",
]
