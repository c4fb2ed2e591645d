"""A server is down for longer than the whole ladder, killed, or frozen: all work waits.

The embedded transport has no server; tests/integration/test_embedded_processes.py breaks its files.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import psycopg
import pytest

from shared.transport import Span
from tests.e2e.books import Books
from tests.e2e.patience import eventually
from tests.e2e.shop import CONSUMERS, LADDER_IS_OVER_SECONDS, MAILS_AT_A_TIME, Shop
from tests.e2e.stacks import Servers
from tools.servers import KafkaServer, PostgresServer, RabbitMQServer

#: Longer than the ladder, and than email and SMS wait for a reply.
FROZEN_SECONDS = 5.0


@pytest.fixture(scope="module", params=["rabbitmq", "kafka"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def broker(transport: str, servers: Servers) -> RabbitMQServer | KafkaServer:
    return servers.rabbitmq if transport == "rabbitmq" else servers.kafka


@pytest.fixture
def postgres(servers: Servers) -> PostgresServer:
    return servers.postgres


def test_orders_are_accepted_while_the_broker_is_down_longer_than_the_ladder(
    books: Books, broker: RabbitMQServer | KafkaServer
) -> None:
    shop = books.shop
    books.place(20)
    # Otherwise some of these would also be waiting in the outbox.
    eventually(lambda: shop.get("order", "/outbox")["pending"] == 0, "all are published")
    broker.stop()
    books.place(20)
    eventually(lambda: not shop.is_ready("order-relay"), "the relay sees it")
    time.sleep(LADDER_IS_OVER_SECONDS)
    assert shop.get("order", "/outbox")["pending"] == 20

    broker.start()
    books.balance()


def test_the_broker_is_killed_under_load(
    books: Books, broker: RabbitMQServer | KafkaServer
) -> None:
    shop = books.shop
    with books.load(120, rate=40, after=30):
        broker.kill()
        eventually(lambda: not shop.is_ready("order-relay"), "the relay sees it")
        time.sleep(LADDER_IS_OVER_SECONDS)
        broker.start()
    books.balance()
    # RabbitMQ accepted connections before its stream was available; no event was published then.
    kept = {event.message.key for event in shop.broker.archive("email").read(Span())}
    assert kept == books.orders


def test_the_broker_is_frozen_under_load(
    books: Books, broker: RabbitMQServer | KafkaServer
) -> None:
    shop = books.shop
    with books.load(200, rate=40, after=30) as placing:
        with frozen(broker):
            # No connection is closed and no request refused. Orders are accepted all the same.
            shop.under_load(placing, shop.answers() + 60)
            time.sleep(FROZEN_SECONDS)
        eventually(lambda: shop.is_ready("order-relay"), "the relay publishes again")
    books.balance()


def test_nothing_is_dead_lettered_while_postgresql_is_down(
    books: Books, postgres: PostgresServer
) -> None:
    shop = books.shop
    with books.load(80, rate=40, after=30):
        postgres.stop()
        for name in CONSUMERS:
            eventually(partial(misses_its_database, shop, name), f"{name} sees it")
        time.sleep(LADDER_IS_OVER_SECONDS)
        postgres.start()
    books.crashes += MAILS_AT_A_TIME
    books.balance()


def misses_its_database(shop: Shop, name: str) -> bool:
    return "database" in str(shop.get(name, "/health/ready")["reason"])


def test_postgresql_is_killed_during_transactions(books: Books, postgres: PostgresServer) -> None:
    shop = books.shop
    with books.load(80, rate=40, after=30):
        with in_a_transaction(shop, "inventory"):
            postgres.kill()
        postgres.start()
    books.crashes += MAILS_AT_A_TIME
    books.balance()


def test_postgresql_is_frozen_under_load(books: Books, postgres: PostgresServer) -> None:
    with books.load(80, rate=40, after=30), frozen(postgres):
        time.sleep(FROZEN_SECONDS)
    # A mail may have been sent whose record did not arrive in time.
    books.crashes += MAILS_AT_A_TIME
    books.balance()


@contextmanager
def frozen(server: RabbitMQServer | KafkaServer | PostgresServer) -> Iterator[None]:
    """Stop the server's processes during the block. Its connections stay open."""
    # The children of PostgreSQL leave its process group.
    found = subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, check=False)
    pids = [server.pid, *map(int, found.stdout.split())]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def in_a_transaction(shop: Shop, name: str) -> Iterator[None]:
    """Run the block while a service is within a transaction, waiting for a lock."""
    blocker = psycopg.connect(shop.stack.plan.database_urls(name))
    blocker.execute("LOCK TABLE inbox")
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'inbox'::regclass"
    eventually(lambda: blocker.execute(waiting).fetchone(), f"{name} waits for the lock")
    yield
    blocker.close()
