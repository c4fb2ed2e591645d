"""Random orders that look like those of a shop, and one particular order when asked for."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from orderctl.errors import UsageError
from shop.prices import PRICES

#: Most people buy one piece of something.
QUANTITIES = (1, 1, 1, 1, 2, 2, 3)
MOST_PRODUCTS = 4
USERS = 500


class BasketItem(msgspec.Struct, frozen=True, rename="camel"):
    product_id: str
    quantity: int
    price: Decimal


class Basket(msgspec.Struct, frozen=True, rename="camel"):
    """The body of `POST /orders`."""

    user_id: str
    items: tuple[BasketItem, ...]


@dataclass(frozen=True)
class BasketTemplate:
    """What every order shall be; None where chance decides."""

    product: str | None = None
    quantity: int | None = None
    price: Decimal | None = None
    user: str | None = None


def baskets(wish: BasketTemplate, rng: random.Random) -> Iterator[Basket]:
    """Orders without end. Raises UsageError for a product whose price nobody knows."""
    if wish.product and wish.product not in PRICES and wish.price is None:
        raise UsageError(
            f"{wish.product} is not in the catalogue, which has {', '.join(PRICES)}: "
            "give its --price, or take one of these."
        )
    while True:
        yield _basket(wish, rng)


def _basket(wish: BasketTemplate, rng: random.Random) -> Basket:
    products = [wish.product] if wish.product else _products(rng)
    user = wish.user or f"usr-{rng.randint(1, USERS)}"
    return Basket(user, tuple(_item(product, wish, rng) for product in products))


def _products(rng: random.Random) -> list[str]:
    number = min(rng.randint(1, MOST_PRODUCTS), len(PRICES))
    return rng.sample(list(PRICES), number)


def _item(product: str, wish: BasketTemplate, rng: random.Random) -> BasketItem:
    quantity = wish.quantity or rng.choice(QUANTITIES)
    price = PRICES[product] if wish.price is None else wish.price
    return BasketItem(product, quantity, price)
