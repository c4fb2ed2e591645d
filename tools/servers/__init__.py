"""Private servers with their own ports and folders, which leave nothing behind."""

from tools.servers.kafka import KafkaServer
from tools.servers.pgbouncer import PgBouncer
from tools.servers.postgres import PostgresServer
from tools.servers.process import ServerFailed, ServerMissing
from tools.servers.rabbitmq import RabbitMQServer

__all__ = [
    "KafkaServer",
    "PgBouncer",
    "PostgresServer",
    "RabbitMQServer",
    "ServerFailed",
    "ServerMissing",
]
