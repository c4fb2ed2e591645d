"""The orders of the load test's users."""

import json
import random
from collections import Counter
from decimal import Decimal

from loadtest.baskets import PRICES, Basket, Item, fill_basket, popular_products
from shop import prices


def many_baskets(number: int = 500) -> list[Basket]:
    rng = random.Random(1)
    return [fill_basket(rng) for _ in range(number)]


def test_the_catalogue_equals_the_shops() -> None:
    assert dict(PRICES) == dict(prices.PRICES)


def test_a_basket_has_one_to_four_different_products() -> None:
    products = [[item.product_id for item in basket.items] for basket in many_baskets()]

    assert {len(basket) for basket in products} == {1, 2, 3, 4}
    assert all(len(set(basket)) == len(basket) for basket in products)


def test_the_second_sells_half_as_often_as_the_first_and_the_last_a_twelfth() -> None:
    rng = random.Random(1)
    sold = Counter(popular_products(rng, 1)[0] for _ in range(20_000))

    first, second, *_, last = (sold[name] for name in PRICES)
    assert 0.45 < second / first < 0.55
    assert 0.06 < last / first < 0.11


def test_the_body_has_prices_to_the_cent() -> None:
    basket = Basket("usr-1", (Item("prod-456", 3, Decimal("49.99")),))

    document = json.loads(basket.body(), parse_float=Decimal)

    item = {"productId": "prod-456", "quantity": 3, "price": Decimal("49.99")}
    assert document == {"userId": "usr-1", "items": [item]}
    assert basket.total == Decimal("149.97")
