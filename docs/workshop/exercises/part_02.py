"""Part 2: a shop that is open only while all of its services are. Change `Shop`."""

from collections import deque  # noqa: F401 - a hint
from collections.abc import Callable, Mapping
from contextlib import suppress  # noqa: F401 - a hint

#: Does its part for an order; raises ConnectionRefusedError while it is away.
Service = Callable[[str], None]


class Shop:
    def __init__(self, services: Mapping[str, Service]) -> None:
        self.services = services

    def place(self, order: str) -> str:
        for service in self.services.values():
            service(order)
        return "accepted"

    def work(self) -> None:
        """Do what can be done now. Called again and again."""


# What it has to do. Leave this as it is.


class Part:
    """A service that keeps a list of what it has done."""

    def __init__(self) -> None:
        self.is_away = False
        self.done: list[str] = []

    def __call__(self, order: str) -> None:
        if self.is_away:
            raise ConnectionRefusedError("away")
        self.done.append(order)


def test_an_order_is_accepted_while_email_is_away() -> None:
    email, sms = Part(), Part()
    email.is_away = True
    shop = Shop({"email": email, "sms": sms})

    assert shop.place("ord-1") == "accepted"
    shop.work()

    assert sms.done == ["ord-1"]


def test_email_gets_what_waited_once_it_is_back() -> None:
    email = Part()
    email.is_away = True
    shop = Shop({"email": email})
    assert shop.place("ord-1") == "accepted"
    assert shop.place("ord-2") == "accepted"
    shop.work()

    email.is_away = False
    shop.work()
    shop.work()

    assert email.done == ["ord-1", "ord-2"]
