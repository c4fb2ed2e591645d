"""Makes random orders like those of a shop, or orders from a template."""

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
    """The fixed values of every order; None for a random one."""

    product: str | None = None
    quantity: int | None = None
    price: Decimal | None = None
    user: str | None = None


def baskets(template: BasketTemplate, rng: random.Random) -> Iterator[Basket]:
    """An endless iterator. Raises UsageError for an unknown product without a price."""
    if template.product and template.product not in PRICES and template.price is None:
        raise UsageError(
            f"{template.product} is not in the catalogue: set its --price, or choose one of "
            f"{', '.join(PRICES)}."
        )
    while True:
        yield _basket(template, rng)


def _basket(template: BasketTemplate, rng: random.Random) -> Basket:
    products = [template.product] if template.product else _products(rng)
    user = template.user or f"usr-{rng.randint(1, USERS)}"
    return Basket(user, tuple(_item(product, template, rng) for product in products))


def _products(rng: random.Random) -> list[str]:
    number = min(rng.randint(1, MOST_PRODUCTS), len(PRICES))
    return rng.sample(list(PRICES), number)


def _item(product: str, template: BasketTemplate, rng: random.Random) -> BasketItem:
    quantity = template.quantity or rng.choice(QUANTITIES)
    price = PRICES[product] if template.price is None else template.price
    return BasketItem(product, quantity, price)
