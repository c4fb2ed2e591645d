"""Dependencies and services are down for longer than the whole ladder: all work waits."""

import time
from contextlib import suppress
from functools import partial

import httpx

from tests.e2e.books import Books
from tests.e2e.patience import eventually
from tests.e2e.shop import CONSUMERS, LADDER_IS_OVER_SECONDS, Shop

#: Downstream systems, with the service that waits while one is down.
DOWNSTREAM = {"mail_sink": "email", "sms_gateway": "sms"}


def test_services_wait_while_their_downstream_systems_are_down(books: Books) -> None:
    shop = books.shop
    for down in DOWNSTREAM:
        shop.stack.stop(down)
    books.place(30)
    for down, waits in DOWNSTREAM.items():
        eventually(lambda name=waits: not shop.is_ready(name), f"{waits} stops receiving")  # type: ignore[misc]
        reason = str(shop.get(waits, "/health/ready")["reason"]).lower()
        assert down.split("_", maxsplit=1)[0] in reason
    time.sleep(LADDER_IS_OVER_SECONDS)
    assert shop.dead() == {}

    shop.restore(*DOWNSTREAM)
    books.balance()
    assert all(shop.is_ready(waits) for waits in DOWNSTREAM.values())


def test_orders_wait_while_services_are_down(books: Books) -> None:
    shop, down = books.shop, ("email", "inventory")
    for name in down:
        shop.stack.stop(name)
    books.place(25)
    time.sleep(LADDER_IS_OVER_SECONDS)
    assert [shop.broker.depth(name).ready for name in down] == [25, 25]
    shop.restore(*down)
    books.balance()


def test_parts_started_in_any_order_wait_for_each_other(shop: Shop) -> None:
    for name in reversed(list(shop.stack.urls)):
        shop.stack.start(name)
    for name in CONSUMERS:
        eventually(partial(is_waiting, shop, name), f"{name} says what it waits for")

    shop.stack.setup()
    shop.stack.wait_ready()
    shop.place(10)
    shop.assert_kept(10)


def is_waiting(shop: Shop, part: str) -> bool:
    """The part responds, and reports that it is not ready."""
    with suppress(httpx.ConnectError):
        return shop.get(part, "/health/ready")["reason"] is not None
    return False
