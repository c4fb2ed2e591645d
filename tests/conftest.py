"""Fixtures for servers and databases. Unit tests use none of the servers."""

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest
from hypothesis import settings

from shared.sqlite_address import sqlite_url as address_of
from tools.servers import KafkaServer, PostgresServer, RabbitMQServer, ServerMissing
from tools.servers.containers import PostgresContainer, RabbitMQContainer

# So that failed assertions in this module show the values.
pytest.register_assert_rewrite("tests.e2e.shop", "tests.e2e.books")

# libpq reads PGSERVICE, PGOPTIONS and the like, which are not meant for these tests.
for name in [name for name in os.environ if name.startswith("PG")]:
    del os.environ[name]

# These are ignored when a shell starts the tests in the background or under nohup, and every
# process that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# On a busy machine an example may be slow although the code is fine.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")

WORKSHOP = Path(__file__).parent / "workshop"

Server = TypeVar("Server", bound=AbstractContextManager[object])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the workshop: one file is several minutes of one worker's time."""
    items.sort(key=lambda item: WORKSHOP not in item.path.parents)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--containers",
        action="store_true",
        help="run RabbitMQ and PostgreSQL in containers, in the versions of docker-compose.yml",
    )


@pytest.fixture(scope="session")
def in_containers(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("containers"))


@pytest.fixture(scope="session")
def rabbitmq_server(in_containers: bool) -> Iterator[RabbitMQServer]:
    with _create(RabbitMQContainer if in_containers else RabbitMQServer) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    with _create(KafkaServer) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(in_containers: bool) -> Iterator[PostgresServer]:
    with _create(PostgresContainer if in_containers else PostgresServer) as server:
        yield server


@pytest.fixture
def rabbitmq(rabbitmq_server: RabbitMQServer) -> RabbitMQServer:
    """A running RabbitMQ, one for each worker of the test run.

    A test may stop, kill and start it; the next test finds it running again.
    """
    rabbitmq_server.start()
    return rabbitmq_server


@pytest.fixture
def kafka(kafka_server: KafkaServer) -> KafkaServer:
    """A running Kafka, one for each worker of the test run, to be used like `rabbitmq`."""
    kafka_server.start()
    return kafka_server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> PostgresServer:
    """A running PostgreSQL, one for each worker of the test run, to be used like `rabbitmq`."""
    postgres_server.start()
    return postgres_server


@pytest.fixture
def amqp_url(rabbitmq: RabbitMQServer, unique_names: Iterator[str]) -> Iterator[str]:
    """The URL of a virtual host that is private to this test."""
    vhost = next(unique_names)
    yield rabbitmq.create_vhost(vhost)
    rabbitmq.forget(vhost)


@pytest.fixture
def kafka_prefix(kafka: KafkaServer, unique_names: Iterator[str]) -> Iterator[str]:
    """A prefix for topics and groups that are private to this test."""
    prefix = next(unique_names).replace("_", "-")
    yield prefix
    kafka.start()
    kafka.forget(prefix)


@pytest.fixture
def kafka_url(kafka: KafkaServer, kafka_prefix: str) -> str:
    """The URL of a Kafka with a private prefix and one partition per topic."""
    return kafka.url(kafka_prefix, partitions=1)


@pytest.fixture
def make_postgres_url(
    postgres: PostgresServer, unique_names: Iterator[str]
) -> Iterator[Callable[[], str]]:
    """A function that returns the URL of a new, empty database each time it is called."""
    made: list[str] = []

    def make() -> str:
        made.append(next(unique_names))
        return postgres.create_database(made[-1])

    yield make
    postgres.start()
    for name in made:
        postgres.drop_database(name)


@pytest.fixture
def postgres_url(make_postgres_url: Callable[[], str]) -> str:
    """An empty PostgreSQL database that is private to this test."""
    return make_postgres_url()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite database that does not exist yet."""
    return address_of(tmp_path / "test.db")


@pytest.fixture(scope="session")
def unique_names() -> Iterator[str]:
    """Names that are unique within this test run."""
    return (f"test_{number}" for number in itertools.count())


def _create(make_server: Callable[[], Server]) -> Server:
    """Create the server; skip when its program is not installed, or fail if CI is set."""
    try:
        return make_server()
    except ServerMissing as missing:
        skip_or_fail(str(missing))


def skip_or_fail(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"CI is set, so every test must run: {reason}")
    pytest.skip(reason)
