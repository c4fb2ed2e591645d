"""Several processes of one service: they join, leave and are killed under load."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from orderctl.stack.ports import free_port
from tests.e2e.books import Books
from tests.e2e.shop import MAILS_AT_A_TIME, Shop

#: Seconds. Long enough for a partition to be revoked while emails are being sent.
EMAIL_SECONDS = 0.3


@pytest.fixture(scope="module")
def options() -> Mapping[str, Any]:
    return {"work_times": {"email": EMAIL_SECONDS}}


def test_a_second_consumer_joins_and_leaves_and_a_third_is_killed_under_load(books: Books) -> None:
    shop = books.shop
    join(shop, "email-2")
    # Place orders until it has received events and sent a mail.
    place_until(books, lambda: has_sent(shop, "email-2"), what="the second sends an email")
    with books.load(40, rate=20, after=10):
        assert shop.stack.stop("email-2") == 0

    join(shop, "email-3")
    place_until(books, lambda: has_sent(shop, "email-3"), what="the third sends an email")
    with books.load(40, rate=20, after=10):
        shop.stack.kill("email-3")
    books.crashes += MAILS_AT_A_TIME
    books.balance()


def place_until(books: Books, condition: Callable[[], bool], *, what: str) -> None:
    for _ in range(60):
        books.place(10, rate=20)
        if condition():
            return
    raise AssertionError(f"{what}: not within {60 * 10} orders")


def join(shop: Shop, name: str) -> None:
    """Another process of the email service, on the same database."""
    environment = {**shop.stack.plan.environment("email"), "PORT": str(free_port())}
    shop.stack.start(name, "services.email", environment)


def has_sent(shop: Shop, name: str) -> bool:
    return "delivery.applied" in shop.log_of(name)
