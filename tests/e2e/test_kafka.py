"""The system on Kafka: the tests of this file share one shop, and each breaks another part.

The audit at the end of each test checks all orders since the first, including those of earlier
tests.
"""

import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from orderctl.stack.parts import sqlite_in
from orderctl.stack.ports import free_port
from orderctl.stack.stack import Stack
from tests.e2e.shop import (
    CONSUMERS,
    ENVIRONMENT,
    LADDER,
    LADDER_IS_OVER_SECONDS,
    MAILS_AT_A_TIME,
    Shop,
    eventually,
)
from tests.e2e.test_kills import KILLED, has_died
from tests.e2e.test_outages import assert_no_dead_letters, is_ready
from tests.zygote.client import fork_python
from tools.servers import KafkaServer, PostgresServer

#: Seconds. Long enough for a partition to be revoked while emails are being sent.
EMAIL_SECONDS = 0.3


class Books:
    """The shop, the number of orders so far, and the number of mails that crashes may have
    repeated."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.placed = 0
        self.crashes = 0

    def count(self, orders: list[str]) -> None:
        self.placed += len(orders)

    def balance(self) -> None:
        self.shop.assert_kept(self.placed, crashes=self.crashes)
        assert_no_dead_letters(self.shop)


@pytest.fixture(scope="module")
def books(
    kafka_server: KafkaServer,
    postgres_server: PostgresServer,
    unique_names: Iterator[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Books]:
    folder: Path = tmp_path_factory.mktemp("kafka")
    databases = cache(lambda _name: postgres_server.create_database(next(unique_names)))
    files = sqlite_in(folder)
    kafka_server.start()
    postgres_server.start()
    with Stack(
        folder,
        broker_url=kafka_server.url("shop", partitions=3),
        database_urls=lambda name: (
            files(name) if name in ("mail_sink", "sms_gateway") else databases(name)
        ),
        ladder=LADDER,
        work_times={"email": EMAIL_SECONDS},
        environment=ENVIRONMENT,
        start=fork_python,
    ) as stack:
        shop = Shop(stack, folder / "accepted.ndjson")
        shop.open()
        yield Books(shop)


def test_every_consumer_is_killed_at_a_different_point(books: Books, tmp_path: Path) -> None:
    shop = books.shop
    moments = {
        "email": "before_commit",
        "sms": "before_effect",
        "inventory": "before_ack",
        "analytics": "before_commit",
    }
    for name, moment in moments.items():
        shop.stack.stop(name)
        variables = {"PART": name, "AT": moment, "MARKER": str(tmp_path / name)}
        shop.stack.start(name, KILLED, variables)
    shop.stack.wait_ready(CONSUMERS)
    books.count(shop.place(30))
    for name in CONSUMERS:
        eventually(partial(has_died, shop, name), what=f"{name} dies {moments[name]}")
        assert (tmp_path / name).exists()
        shop.stack.start(name)
    books.crashes += MAILS_AT_A_TIME
    books.balance()


def test_the_relay_is_killed_between_confirm_and_delete_on_kafka(
    books: Books, tmp_path: Path
) -> None:
    shop = books.shop
    shop.stack.stop("order-relay")
    books.count(shop.place(20))
    marker = tmp_path / "died"
    shop.stack.start(
        "order-relay", "tests.e2e.parts.faulty_relay", {"FAULT": "dies", "MARKER": str(marker)}
    )
    eventually(lambda: has_died(shop, "order-relay"), what="the relay dies")
    assert marker.exists()
    assert shop.get("order", "/outbox")["pending"] == 20
    shop.stack.start("order-relay")
    books.balance()


def test_kafka_is_killed_under_load_for_longer_than_the_ladder(
    books: Books, kafka_server: KafkaServer
) -> None:
    shop = books.shop
    placing = shop.begin_placing(120, rate=40)
    before = books.placed
    shop.under_load(placing, before + 30)
    kafka_server.kill()
    eventually(lambda: not is_ready(shop, "order-relay"), what="the relay sees it")
    time.sleep(LADDER_IS_OVER_SECONDS)
    books.count(shop.end_placing(placing))
    assert shop.get("order", "/outbox")["pending"] > 0
    kafka_server.start()
    books.balance()


def test_a_second_consumer_joins_and_leaves_and_a_third_is_killed_under_load(
    books: Books,
) -> None:
    shop = books.shop
    _join(shop, "email-2")
    # Place orders until it has been assigned a partition and sent a mail.
    _place_until(books, lambda: _has_sent(shop, "email-2"), what="the second sends an email")
    placing = shop.begin_placing(60, rate=20)
    shop.under_load(placing, books.placed + 10)
    assert shop.stack.stop("email-2") == 0
    books.count(shop.end_placing(placing))

    _join(shop, "email-3")
    _place_until(books, lambda: _has_sent(shop, "email-3"), what="the third sends an email")
    placing = shop.begin_placing(60, rate=20)
    shop.under_load(placing, books.placed + 10)
    shop.stack.kill("email-3")
    books.crashes += MAILS_AT_A_TIME
    books.count(shop.end_placing(placing))
    books.balance()


def _place_until(books: Books, condition: Callable[[], bool], *, what: str) -> None:
    for _ in range(30):
        books.count(books.shop.place(20, rate=20))
        if condition():
            return
    raise AssertionError(f"{what}: not within {30 * 20} orders")


def _join(shop: Shop, name: str) -> None:
    """A second process of the email service, on the same database."""
    environment = {**shop.stack.plan.environment("email"), "PORT": str(free_port())}
    shop.stack.start(name, "services.email", environment)


def _has_sent(shop: Shop, name: str) -> bool:
    return "delivery.applied" in shop.stack.log(name).read_text()


def test_dead_letters_on_kafka_are_redriven(books: Books) -> None:
    shop = books.shop
    shop.fault("sms", "--failures", "1")
    books.count(orders := shop.place(5))
    eventually(lambda: shop.broker().depth("sms").dead == 5, what="five dead letters")
    shop.fault("sms", "--clear")
    letters = shop.dlq("list", "sms")
    assert {letter["orderId"] for letter in letters} == set(orders)
    first = letters[0]["handle"]
    assert len(shop.dlq("redrive", "sms", first)["redriven"]) == 1
    assert len(shop.dlq("redrive", "sms", "--all")["redriven"]) == 4
    books.balance()
