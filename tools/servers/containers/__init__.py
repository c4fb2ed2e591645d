"""RabbitMQ and PostgreSQL in containers, in the versions that docker-compose.yml names.

Tests use them like the servers that are installed on the machine, which may be older.
"""

from tools.servers.containers.postgres import PostgresContainer
from tools.servers.containers.rabbitmq import RabbitMQContainer

__all__ = ["PostgresContainer", "RabbitMQContainer"]
