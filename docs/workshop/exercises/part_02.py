"""Part 2: a shop that works only while all of its services are up. Change `Shop`."""

from collections import deque  # noqa: F401 - a hint
from collections.abc import Callable, Mapping
from contextlib import suppress  # noqa: F401 - a hint

#: Does its part for an order; raises ConnectionRefusedError while it is down.
Service = Callable[[str], None]


class Shop:
    def __init__(self, services: Mapping[str, Service]) -> None:
        self.services = services

    def place(self, order: str) -> str:
        for service in self.services.values():
            service(order)
        return "accepted"

    def work(self) -> None:
        """Process waiting orders, where possible. Called repeatedly."""


# The tests. Leave them as they are.


class Part:
    """A service that lists the orders it has processed."""

    def __init__(self) -> None:
        self.is_down = False
        self.done: list[str] = []

    def __call__(self, order: str) -> None:
        if self.is_down:
            raise ConnectionRefusedError("down")
        self.done.append(order)


def test_an_order_is_accepted_while_email_is_down() -> None:
    email, sms = Part(), Part()
    email.is_down = True
    shop = Shop({"email": email, "sms": sms})

    assert shop.place("ord-1") == "accepted"
    shop.work()

    assert sms.done == ["ord-1"]


def test_email_gets_waiting_orders_when_it_is_back() -> None:
    email = Part()
    email.is_down = True
    shop = Shop({"email": email})
    assert shop.place("ord-1") == "accepted"
    assert shop.place("ord-2") == "accepted"
    shop.work()

    email.is_down = False
    shop.work()
    shop.work()

    assert email.done == ["ord-1", "ord-2"]
