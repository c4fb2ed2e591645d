"""The environment of all benchmarks: private servers, and services run as users run them."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import LiteralString, Self

import psycopg

from bench.errors import BenchError
from orderctl.stack.environment import of_the_machine
from orderctl.stack.parts import MODULES
from orderctl.stack.process import ROOT
from orderctl.stack.stack import Stack
from tools.servers import KafkaServer, PostgresServer, RabbitMQServer

#: Longer than any step takes, so that one that hangs does not block the whole run.
PATIENCE_SECONDS = 120


class BrokerKind(StrEnum):
    RABBITMQ = "RabbitMQ"
    KAFKA = "Kafka"
    EMBEDDED = "embedded"


class Testbed:
    """PostgreSQL and RabbitMQ on free ports, with all that keeps data over a crash left on.

    `log_level` is that of the services. `orders`: how many the whole pipeline is given.
    """

    def __init__(self, log_level: str, *, orders: int) -> None:
        self.orders = orders
        self._log_level = log_level
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as exit:
            self._folder = Path(exit.enter_context(TemporaryDirectory(prefix="bench-")))
            self._rabbitmq = exit.enter_context(RabbitMQServer())
            self._postgres = exit.enter_context(PostgresServer())
            self._keep_commit_times()
            self._exit = exit.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._exit.close()

    def _keep_commit_times(self) -> None:
        """Make PostgreSQL record the commit time of each row, for `committed`."""
        with psycopg.connect(self._postgres.url(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        self._postgres.restart()

    @contextmanager
    def stack(
        self,
        name: str,
        work_times: Mapping[str, float] | None = None,
        *,
        broker: BrokerKind = BrokerKind.RABBITMQ,
    ) -> Iterator[Stack]:
        """Every queue and every schema, new; no service runs yet.

        With the embedded broker, databases are SQLite files, as on a laptop.
        """

        @cache
        def database(part: str) -> str:
            return self._postgres.create_database(f"{name}_{part}".replace("-", "_"))

        is_embedded = broker is BrokerKind.EMBEDDED
        stack = Stack(
            self._folder / name,
            broker_url=self._broker_url(broker, name),
            database_urls=None if is_embedded else database,
            work_times=work_times or {},
            environment={part: {"LOG_LEVEL": self._log_level} for part in MODULES},
        )
        with stack:
            stack.setup()
            yield stack

    def _broker_url(self, broker: BrokerKind, name: str) -> str | None:
        if broker is BrokerKind.EMBEDDED:
            return None
        if broker is BrokerKind.KAFKA:
            return self._kafka.url(name)
        return self._rabbitmq.create_vhost(name)

    @cached_property
    def _kafka(self) -> KafkaServer:
        """Started when it is first asked for: most benchmarks need none."""
        return self._exit.enter_context(KafkaServer())

    def server_pids(self, broker: BrokerKind) -> Mapping[str, int]:
        """The processes of the servers that a stack on this broker uses."""
        if broker is BrokerKind.EMBEDDED:
            return {}
        postgres = {"PostgreSQL": self._postgres.pid}
        if broker is BrokerKind.KAFKA:
            return {**postgres, "Kafka": self._kafka.pid}
        return {**postgres, "RabbitMQ": self._rabbitmq.pid}

    @property
    def urls(self) -> tuple[str, str]:
        """The addresses of PostgreSQL and RabbitMQ."""
        return self._postgres.url(), self._rabbitmq.url()


def run_yardstick(module: str, *words: str) -> str:
    """Run a yardstick in its own process, like the service it is compared with; its output."""
    ran = subprocess.run(
        [sys.executable, "-m", f"bench.yardsticks.{module}", *words],
        cwd=ROOT,
        env=of_the_machine(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    if ran.returncode:
        raise BenchError(f"{module} ended with status {ran.returncode}: {ran.stderr[-2000:]}")
    return ran.stdout


def committed(database_url: str, key: LiteralString, table: LiteralString) -> dict[str, float]:
    """When each row was committed, in seconds since 1970, oldest first.

    The last transaction that wrote a row counts. A service's own timestamps cannot be used: they
    are taken before the commit.
    """
    when = "extract(epoch from pg_xact_commit_timestamp(xmin))::float8"
    query = f"SELECT {key}, {when} FROM {table} ORDER BY 2"  # noqa: S608 (literals, see the types)
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute(query).fetchall())


def rate(times: Iterable[float], warm_up: int) -> float:
    """Events per second, from sorted times. The first `warm_up` events only start the clock."""
    sorted_times = list(times)
    began = sorted_times[warm_up - 1]
    later = [time for time in sorted_times if time > began]
    return len(later) / (later[-1] - began)


def execute(database_url: str, statement: LiteralString, *values: object) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement, values)


def scalar(database_url: str, query: LiteralString) -> int:
    with psycopg.connect(database_url) as connection:
        [value] = connection.execute(query).fetchone() or [0]
        return int(value)


def wait_for(done: Callable[[], bool], what: str, *, every: float = 0.2) -> None:
    """Poll rarely enough not to disturb the measurement. Raises BenchError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {PATIENCE_SECONDS} s")
        time.sleep(every)
