"""Dependencies are down for longer than the whole ladder: all work waits."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import psycopg
import pytest

from orderctl.stack.stack import Stack
from shared.transport import Span
from tests.e2e.conftest import rabbitmq_stack
from tests.e2e.shop import (
    CONSUMERS,
    LADDER_IS_OVER_SECONDS,
    MAILS_AT_A_TIME,
    Shop,
    eventually,
)
from tools.servers import PostgresServer, RabbitMQServer


@pytest.fixture
def rabbitmq_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with rabbitmq_stack(request, tmp_path) as stack:
        yield Shop(stack, tmp_path / "accepted.ndjson")


def is_ready(shop: Shop, part: str) -> bool:
    return bool(shop.get(part, "/health/ready")["ready"])


def is_waiting(shop: Shop, part: str) -> bool:
    """The part responds, and reports that it is not ready."""
    with suppress(httpx.ConnectError):
        return shop.get(part, "/health/ready")["reason"] is not None
    return False


def assert_no_dead_letters(shop: Shop) -> None:
    assert {name: shop.broker().depth(name).dead for name in CONSUMERS} == dict.fromkeys(
        CONSUMERS, 0
    )


@pytest.mark.parametrize(
    ("away", "waits"), [("mail_sink", "email"), ("sms_gateway", "sms")], ids=["smtp", "gateway"]
)
def test_a_service_waits_while_its_downstream_system_is_down(
    shop: Shop, away: str, waits: str
) -> None:
    shop.open(without=[away])
    shop.place(30)
    eventually(lambda: not is_ready(shop, waits), what=f"{waits} stops receiving")
    assert away.split("_", maxsplit=1)[0] in str(shop.get(waits, "/health/ready")["reason"]).lower()
    time.sleep(LADDER_IS_OVER_SECONDS)
    assert_no_dead_letters(shop)

    shop.stack.start(away)
    shop.assert_kept(30)
    assert is_ready(shop, waits)


def test_orders_wait_while_a_service_is_down(shop: Shop) -> None:
    shop.open(without=["email", "inventory"])
    shop.place(25)
    time.sleep(LADDER_IS_OVER_SECONDS)
    assert shop.broker().depth("email").ready == 25
    shop.stack.start("email")
    shop.stack.start("inventory")
    shop.assert_kept(25)


def test_orders_are_accepted_while_rabbitmq_is_down_longer_than_the_ladder(
    rabbitmq_shop: Shop, rabbitmq: RabbitMQServer
) -> None:
    shop = rabbitmq_shop
    shop.open()
    shop.place(20)
    rabbitmq.stop()
    shop.place(20)
    time.sleep(LADDER_IS_OVER_SECONDS)
    pending = shop.get("order", "/outbox")["pending"]
    assert pending == 20
    assert not is_ready(shop, "order-relay")

    rabbitmq.start()
    assert_no_dead_letters(shop)
    shop.assert_kept(40)


def test_rabbitmq_is_killed_and_started_under_load(
    rabbitmq_shop: Shop, rabbitmq: RabbitMQServer
) -> None:
    shop = rabbitmq_shop
    shop.open()
    placing = shop.begin_placing(120, rate=40)
    shop.under_load(placing, 30)
    rabbitmq.kill()
    rabbitmq.start()
    orders = shop.end_placing(placing)
    shop.assert_kept(120)
    # The broker accepted connections before its stream was available; no event was published then.
    kept = {event.message.key for event in shop.broker().archive("email").read(Span())}
    assert kept == set(orders)


def test_nothing_is_dead_lettered_while_postgresql_is_down(
    rabbitmq_shop: Shop, postgres: PostgresServer
) -> None:
    shop = rabbitmq_shop
    shop.open()
    placing = shop.begin_placing(80, rate=40)
    shop.under_load(placing, 30)
    postgres.stop()
    time.sleep(LADDER_IS_OVER_SECONDS)
    reasons = [shop.get(name, "/health/ready")["reason"] for name in CONSUMERS]
    assert all("database" in str(reason) for reason in reasons), reasons

    postgres.start()
    shop.end_placing(placing)
    assert_no_dead_letters(shop)
    shop.assert_kept(80, crashes=MAILS_AT_A_TIME)


def test_postgresql_is_killed_during_transactions(
    rabbitmq_shop: Shop, postgres: PostgresServer
) -> None:
    shop = rabbitmq_shop
    shop.open()
    placing = shop.begin_placing(80, rate=40)
    shop.under_load(placing, 30)
    with in_a_transaction(shop, "inventory"):
        postgres.kill()
    postgres.start()
    shop.end_placing(placing)
    shop.assert_kept(80, crashes=MAILS_AT_A_TIME)


@contextmanager
def in_a_transaction(shop: Shop, name: str) -> Iterator[None]:
    """Run the block while a service is within a transaction, waiting for a lock."""
    blocker = psycopg.connect(shop.stack.plan.database_urls(name))
    blocker.execute("LOCK TABLE inbox")
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'inbox'::regclass"
    eventually(lambda: blocker.execute(waiting).fetchone(), what=f"{name} waits for the lock")
    yield
    blocker.close()


def test_parts_started_in_any_order_wait_for_each_other(stack: Stack, tmp_path: Path) -> None:
    shop = Shop(stack, tmp_path / "accepted.ndjson")
    for name in reversed(list(stack.urls)):
        stack.start(name)
    for name in CONSUMERS:
        eventually(partial(is_waiting, shop, name), what=f"{name} says what it waits for")

    stack.setup()
    stack.wait_ready()
    shop.place(10)
    shop.assert_kept(10)
