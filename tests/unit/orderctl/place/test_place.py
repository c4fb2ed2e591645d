"""Placing orders: once each despite repeated requests, on an open schedule."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from itertools import islice
from pathlib import Path

import httpx
import msgspec
import pytest
from rich.console import Console

from orderctl.audit.facts import Answer
from orderctl.audit.ledger import Ledger, read_ledger
from orderctl.errors import UsageError
from orderctl.place.baskets import Basket, BasketTemplate, baskets
from orderctl.place.order_client import NotAccepted, OrderClient
from orderctl.place.report import document, print_placing, summary
from orderctl.place.schedule import Placing, place_orders
from services.inventory.catalogue import CATALOGUE
from shop.prices import PRICES

BASKET = next(baskets(BasketTemplate(), random.Random(1)))
Behaviour = Callable[[int], httpx.Response]


def accept(number: int) -> httpx.Response:
    return httpx.Response(202, json={"orderId": f"ord-{number}", "totalAmount": 99.98})


def lose_connection(_number: int) -> httpx.Response:
    raise httpx.ReadError("connection lost")


def overloaded(_number: int) -> httpx.Response:
    return httpx.Response(503, headers={"Retry-After": "2"}, json={"title": "Too many"})


def refuse(_number: int) -> httpx.Response:
    problem = {"title": "The order is wrong", "detail": "quantity: below 1"}
    return httpx.Response(400, json=problem)


@dataclass
class FakeOrderService:
    """Follows the given behaviours, one per request, then accepts; records the requests."""

    behaviours: list[Behaviour] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    now: float = 0.0

    def client(self, patience: float = 10.0, mode: str | None = None) -> OrderClient:
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        return OrderClient(
            http,
            "http://shop",
            patience=patience,
            mode=mode,
            clock=lambda: self.now,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/health/live":
            return httpx.Response(200)
        self.keys.append(request.headers["Idempotency-Key"])
        self.bodies.append(request.content)
        self.queries.append(request.url.query.decode())
        behave = self.behaviours.pop(0) if self.behaviours else accept
        return behave(len(self.keys))


@pytest.mark.parametrize(("mode", "query"), [(None, ""), ("sync", "mode=sync")])
def test_a_mode_is_sent_only_if_one_is_given(mode: str | None, query: str) -> None:
    shop = FakeOrderService()
    shop.client(mode=mode).place(BASKET)
    assert shop.queries == [query]


def test_an_order_is_sent_as_documented() -> None:
    shop = FakeOrderService()
    template = BasketTemplate("prod-456", 2, Decimal("49.99"), "usr-123")

    shop.client().place(next(baskets(template, random.Random())))

    item = {"productId": "prod-456", "quantity": 2, "price": 49.99}
    assert msgspec.json.decode(shop.bodies[0]) == {"userId": "usr-123", "items": [item]}


def test_the_key_is_a_quoted_string_and_new_for_every_order() -> None:
    shop = FakeOrderService()
    client = shop.client()

    client.place(BASKET)
    client.place(BASKET)

    assert len(set(shop.keys)) == 2
    assert all(key.startswith('"') and key.endswith('"') for key in shop.keys)


def test_an_order_is_sent_again_under_its_key_until_it_is_accepted() -> None:
    shop = FakeOrderService([overloaded, lose_connection])

    placed = shop.client().place(BASKET)

    assert (placed.order_id, placed.attempts) == ("ord-3", 3)
    assert len(set(shop.keys)) == 1
    # The two seconds of Retry-After, then the client's own pause.
    assert placed.seconds == pytest.approx(2.5)


def completed(number: int) -> httpx.Response:
    return httpx.Response(201, content=accept(number).content)


def being_done(_number: int) -> httpx.Response:
    return httpx.Response(409, headers={"Retry-After": "3"})


def test_a_synchronous_order_in_progress_is_waited_for() -> None:
    shop = FakeOrderService([being_done, completed])

    placed = shop.client().place(BASKET)

    assert (placed.order_id, placed.attempts) == ("ord-2", 2)
    assert placed.seconds == pytest.approx(3.0)


def test_a_refused_order_is_not_sent_again() -> None:
    shop = FakeOrderService([refuse])

    with pytest.raises(NotAccepted, match="400 The order is wrong quantity: below 1"):
        shop.client().place(BASKET)
    assert len(shop.keys) == 1


def test_repeating_a_request_ends_after_a_limit() -> None:
    shop = FakeOrderService([lose_connection] * 99)

    with pytest.raises(NotAccepted, match=r"did not respond within 3 s \(connection lost\)"):
        shop.client(patience=3.0).place(BASKET)
    assert len(set(shop.keys)) == 1


def placing(shop: FakeOrderService, count: int, ledger: Ledger | None = None) -> Placing:
    return place_orders(
        shop.client(),
        [BASKET] * count,
        count=count,
        rate=2.0,
        ledger=ledger,
        clock=lambda: shop.now,
        sleep=shop.sleep,
    )


def test_orders_are_due_at_the_requested_rate() -> None:
    shop = FakeOrderService()

    result = placing(shop, 9)

    assert len(result.placed) == 9
    # The ninth is due eight intervals after the first.
    assert result.seconds == pytest.approx(4.0)


def test_every_response_is_in_the_ledger(tmp_path: Path) -> None:
    with Ledger(tmp_path / "accepted.ndjson") as ledger:
        placing(FakeOrderService([refuse]), 3, ledger)

    answers = set(read_ledger(tmp_path / "accepted.ndjson"))
    assert answers == {Answer("ord-2", status=202), Answer("ord-3", status=202)}


def test_failures_are_separate_from_orders() -> None:
    result = placing(FakeOrderService([refuse]), 2)

    assert (len(result.placed), len(result.failures)) == (1, 1)
    assert document(result)["failed"] == 1
    assert document(result)["responseMs"].keys() == {"median", "p95", "max"}


def test_no_accepted_order_is_reported() -> None:
    assert summary(Placing((), ("refused",), 1.0)) == "No order was placed."


def test_the_summary_tells_completed_orders_from_accepted_ones() -> None:
    accepted, done = placing(FakeOrderService(), 1), placing(FakeOrderService([completed]), 1)

    assert summary(accepted).startswith("1 order accepted; response time ")
    assert summary(done).startswith("1 order completed; response time ")


def test_a_total_is_in_euros() -> None:
    output = StringIO()
    print_placing(placing(FakeOrderService(), 1), Console(file=output, width=80))
    assert "EUR 99.98" in output.getvalue()


def test_an_order_service_that_responds_is_not_to_be_started() -> None:
    with pytest.raises(NotAccepted) as raised:
        FakeOrderService([overloaded]).client(patience=0.0).place(BASKET)

    assert str(raised.value) == (
        "the order service at http://shop did not accept it within 0 s: 503 Too many"
    )


def test_the_catalogue_is_the_inventorys() -> None:
    assert set(PRICES) == {product.product_id for product in CATALOGUE}


def test_baskets_hold_each_product_once_at_its_price() -> None:
    for basket in islice(baskets(BasketTemplate(), random.Random(7)), 200):
        products = [item.product_id for item in basket.items]
        assert len(set(products)) == len(products) >= 1
        assert all(item.price == PRICES[item.product_id] for item in basket.items)


def test_a_partial_item_is_completed() -> None:
    [item] = next(baskets(BasketTemplate(product="prod-640"), random.Random())).items

    assert (item.product_id, item.price) == ("prod-640", Decimal("749.00"))


def test_an_unknown_product_needs_a_price() -> None:
    with pytest.raises(UsageError, match="--price"):
        next(baskets(BasketTemplate(product="prod-x"), random.Random()))

    unknown: Basket = next(
        baskets(BasketTemplate(product="prod-x", price=Decimal(1)), random.Random())
    )
    assert unknown.items[0].price == 1
