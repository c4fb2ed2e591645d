"""A customer who places orders, looks them up, sends some twice, and makes mistakes."""

import uuid
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from locust import tag, task

from loadtest import checks
from loadtest.bad_requests import KEY_REUSED, UNKNOWN_ORDER, bad_requests
from loadtest.baskets import Basket, fill_basket
from loadtest.checks import HttpAnswer, Order
from loadtest.customer import Customer

#: The number of recent orders that a customer may look up.
REMEMBERED = 20

T = TypeVar("T")


class Shopper(Customer):
    """Tasks are chosen by weight, among those selected by --tags and --exclude-tags."""

    def on_start(self) -> None:
        self._orders: deque[Order] = deque(maxlen=REMEMBERED)
        super().on_start()

    @tag("async")
    @task(12)
    def place_async(self) -> None:
        self._place("async")

    @tag("sync")
    @task(12)
    def place_sync(self) -> None:
        self._place("sync")

    @tag("parallel")
    @task(12)
    def place_parallel(self) -> None:
        self._place("parallel")

    @tag("lookup")
    @task(3)
    def look_up(self) -> None:
        if order := self._any_order():
            path = f"/orders/{order.order_id}"
            self.send("GET", path, "/orders/ID", lambda answer: checks.looked_up(answer, order))

    @tag("lookup")
    @task(1)
    def follow(self) -> None:
        if order := self._any_order():
            path, name = f"/orders/{order.order_id}/journey", "/orders/ID/journey"
            self.send("GET", path, name, lambda answer: checks.journeyed(answer, order))

    @tag("repeat")
    @task(1)
    def send_twice(self) -> None:
        """Like a client that has not received the response."""
        key = _new_key()
        if order := self._place("async", key):
            name = "/orders async (sent twice)"
            self._post("async", order.basket, key, name, lambda a: checks.repeated(a, order))

    @tag("repeat")
    @task(1)
    def reuse_a_key(self) -> None:
        """Like a client whose keys are not random enough."""
        key = _new_key()
        if order := self._place("async", key):
            another = Basket(order.basket.user_id, [*order.basket.items] * 2)
            name = "/orders async (key of another order)"
            self._post("async", another, key, name, lambda a: checks.refused(a, KEY_REUSED))

    @tag("bad")
    @task(1)
    def send_nonsense(self) -> None:
        bad = self.rng.choice(bad_requests(fill_basket(self.rng)))
        self.send(
            "POST",
            f"/orders{bad.query}",
            "/orders (bad)",
            lambda answer: checks.refused(answer, bad.refusal),
            body=bad.body,
            headers=bad.headers,
        )

    @tag("bad")
    @task(1)
    def look_for_nothing(self) -> None:
        path = f"/orders/ord-{uuid.uuid4()}"
        self.send("GET", path, "/orders/ID (bad)", lambda a: checks.refused(a, UNKNOWN_ORDER))

    def _any_order(self) -> Order | None:
        """One of the recent orders, or a new one if there is none."""
        return self.rng.choice(self._orders) if self._orders else self._place("async")

    def _place(self, mode: str, key: str | None = None) -> Order | None:
        """The first request of a task, whose time is also reported from when it was due."""
        basket = fill_basket(self.rng)
        order = self._post(
            mode,
            basket,
            # Every order has a key, because the HTTP client resends it after a broken connection.
            key or _new_key(),
            f"/orders {mode}",
            lambda answer: checks.placed(answer, mode, basket),
            due=self.due,
        )
        if order:
            self._orders.append(order)
        return order

    def _post(
        self,
        mode: str,
        basket: Basket,
        key: str,
        name: str,
        check: Callable[[HttpAnswer], T],
        due: float | None = None,
    ) -> T | None:
        return self.send(
            "POST",
            # The mode is always sent, so that the service's ORDER_MODE does not matter.
            f"/orders?mode={mode}",
            name,
            check,
            body=basket.body(),
            headers={"Content-Type": "application/json", "Idempotency-Key": key},
            due=due,
        )


def _new_key() -> str:
    """A new idempotency key, quoted as a string of structured fields (RFC 9651)."""
    return f'"loadtest-{uuid.uuid4()}"'
