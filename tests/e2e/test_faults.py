"""Faults injected into a running system: accepted orders are still completed once."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from tests.asking import client
from tests.e2e.books import Books
from tests.e2e.cells import matrix_but_on
from tests.e2e.patience import eventually
from tests.e2e.shop import CONSUMERS, Shop

ORDER = {"userId": "usr-1", "items": [{"productId": "prod-1", "quantity": 1, "price": 1.5}]}


@pytest.fixture(scope="module")
def options() -> Mapping[str, Any]:
    return {"faults_allowed": True}


def kinds(shop: Shop, part: str) -> list[str]:
    return [each["kind"] for each in shop.get(part, "/faults")["faults"]]


def post(shop: Shop, mode: str) -> int:
    url = shop.stack.urls["order"] + "/orders"
    return client().post(url, params={"mode": mode}, json=ORDER, timeout=30).status_code


def crashes(shop: Shop, part: str) -> int:
    return shop.log_of(part).count("fault.crash")


def has_retried(shop: Shop, order_id: str) -> bool:
    """Checked in the log, since the event stays on its rung for only a tenth of a second."""
    lines = shop.log_of("sms").splitlines()
    return any("delivery.retried" in line and order_id in line for line in lines)


def test_accepted_orders_are_completed_once_under_every_fault(books: Books) -> None:
    shop = books.shop
    half_done = books.report.get("halfDone", [])
    shop.fault("email", "--outage")
    assert not shop.is_ready("email")
    books.place(5)
    assert post(shop, "sync") == 502
    shop.fault("inventory", "--crash", "after")
    shop.fault("analytics", "--crash", "before", "--latency", "uniform:0.01,0.1")
    books.place(5)
    for crashed in ("inventory", "analytics"):
        eventually(partial(crashes, shop, crashed), f"{crashed} crashes")
    shop.stack.wait_ready(["inventory", "analytics"])
    assert (kinds(shop, "inventory"), kinds(shop, "analytics")) == ([], ["latency"])

    shop.fault("sms", "--failures", "1")
    [order_id] = books.place(1)
    eventually(lambda: has_retried(shop, order_id), "sms tries again")
    # Wait for the end of the ladder, so that the dead letters to redrive are known.
    eventually(lambda: shop.dead() == {"sms": 1}, "sms gives up")
    shop.fault("--clear")
    eventually(lambda: shop.is_ready("email"), "email is back")
    assert len(shop.dlq("redrive", "sms", "--all")["redriven"]) == 1
    shop.fault("duplicate", order_id, "--count", "3")
    report = books.balance()
    assert [order["doneBy"] for order in report["halfDone"] if order not in half_done] == [[]]
    found = {name: crashes(shop, name) for name in CONSUMERS}
    assert found == {"email": 0, "sms": 0, "inventory": 1, "analytics": 1}


def test_poison_ends_in_every_dead_letter_queue_and_blocks_nothing(books: Books) -> None:
    shop = books.shop
    shop.fault("poison", "--count", "2")
    books.place(5)
    eventually(
        lambda: shop.dead() == dict.fromkeys(CONSUMERS, 2),
        "the poison is in every dead letter queue",
    )
    for name in CONSUMERS:
        assert len(shop.dlq("discard", name, "--all", "--yes")["discarded"]) == 2
    books.balance()


@matrix_but_on("rabbitmq")  # the order service uses no broker
def test_the_order_service_accepts_faults_too(books: Books) -> None:
    shop = books.shop
    shop.fault("order", "--outage", "--for", "2")
    assert post(shop, "async") == 503
    books.place(3)
    shop.fault("order", "--crash", "after")
    books.place(1)
    assert crashes(shop, "order") == 1
    books.balance()
