"""Private RabbitMQ and PostgreSQL servers: ports and folders of their own, nothing left behind."""

from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer
from tests.servers.process import ServerFailed, ServerMissing
from tests.servers.rabbitmq import RabbitMQServer

__all__ = ["PostgresServer", "RabbitMQServer", "ServerFailed", "ServerMissing", "free_port"]
