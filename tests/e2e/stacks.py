"""The system under test, on each transport."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from orderctl.stack.parts import DatabaseUrls, sqlite_in
from orderctl.stack.stack import Stack
from tests.zygote.client import fork_python
from tools.servers import KafkaServer, PostgresServer, RabbitMQServer

#: With the embedded broker, services use SQLite; with the others, PostgreSQL.
TRANSPORTS = ("embedded", "rabbitmq", "kafka")
#: These use SQLite on every transport.
SIMULATORS = ("mail_sink", "sms_gateway")
#: Of the Kafka topic, so that several consumers can share it.
PARTITIONS = 2
#: Short rungs, so that the whole ladder takes less than a second.
LADDER = (0.1, 0.2, 0.4)
#: Short timeouts, so that leases of crashed processes expire soon.
ENVIRONMENT: Mapping[str, Mapping[str, str]] = {
    "email": {"SMTP_TIMEOUT": "1", "SMTP_ANSWER_TIMEOUT": "2"},
    "sms": {"SMS_TIMEOUT": "1", "FAULTS_ALLOWED": "true"},
}


@dataclass(frozen=True)
class Servers:
    """The servers of this test worker; each is started when it is first used."""

    request: pytest.FixtureRequest

    @property
    def rabbitmq(self) -> RabbitMQServer:
        server: RabbitMQServer = self.request.getfixturevalue("rabbitmq_server")
        server.start()
        return server

    @property
    def kafka(self) -> KafkaServer:
        server: KafkaServer = self.request.getfixturevalue("kafka_server")
        server.start()
        return server

    @property
    def postgres(self) -> PostgresServer:
        server: PostgresServer = self.request.getfixturevalue("postgres_server")
        server.start()
        return server

    def new_name(self) -> str:
        names: Iterator[str] = self.request.getfixturevalue("unique_names")
        return next(names)


@contextmanager
def a_stack(
    transport: str,
    folder: Path,
    servers: Servers,
    *,
    environment: Mapping[str, Mapping[str, str]] | None = None,
    **options: Any,
) -> Iterator[Stack]:
    """A stack in which nothing is running yet; at the end every process is stopped.

    `environment` adds variables to ENVIRONMENT; `options` are those of `Stack`.
    """
    parts = ENVIRONMENT.keys() | (environment or {}).keys()
    everywhere = {
        part: {**ENVIRONMENT.get(part, {}), **(environment or {}).get(part, {})} for part in parts
    }
    with _SURROUNDINGS[transport](servers, folder) as surroundings:
        options = {"ladder": LADDER, "start": fork_python, **surroundings, **options}
        with Stack(folder, environment=everywhere, **options) as stack:
            yield stack


@contextmanager
def _embedded(_servers: Servers, _folder: Path) -> Iterator[dict[str, Any]]:
    yield {}


@contextmanager
def _rabbitmq(servers: Servers, folder: Path) -> Iterator[dict[str, Any]]:
    with _on_postgresql(servers, folder) as database_urls:
        rabbitmq, vhost = servers.rabbitmq, servers.new_name()
        url = rabbitmq.create_vhost(vhost)
        yield {"broker_url": url, "database_urls": database_urls}
        rabbitmq.forget(vhost)


@contextmanager
def _kafka(servers: Servers, folder: Path) -> Iterator[dict[str, Any]]:
    kafka, prefix = servers.kafka, servers.new_name().replace("_", "-")
    with _on_postgresql(servers, folder) as database_urls:
        url = kafka.url(prefix, partitions=PARTITIONS)
        yield {"broker_url": url, "database_urls": database_urls}
    # Otherwise the next start of the server checks all these topics.
    kafka.start()
    kafka.forget(prefix)


@contextmanager
def _on_postgresql(servers: Servers, folder: Path) -> Iterator[DatabaseUrls]:
    postgres, files, names = servers.postgres, sqlite_in(folder), []

    @cache
    def database(_service: str) -> str:
        names.append(servers.new_name())
        return postgres.create_database(names[-1])

    yield lambda service: files(service) if service in SIMULATORS else database(service)
    postgres.start()
    for name in names:
        postgres.drop_database(name)


_Surroundings = Callable[[Servers, Path], Any]
_SURROUNDINGS: Mapping[str, _Surroundings] = {
    "embedded": _embedded,
    "rabbitmq": _rabbitmq,
    "kafka": _kafka,
}
