"""Makes random orders, in which a few popular products dominate."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

#: The shop's products and prices, the most popular first. They are repeated here because the load
#: test, like a customer, imports nothing of the system.
PRICES: Mapping[str, Decimal] = {
    "prod-456": Decimal("49.99"),
    "prod-123": Decimal("4.95"),
    "prod-317": Decimal("9.20"),
    "prod-310": Decimal("9.80"),
    "prod-204": Decimal("18.00"),
    "prod-231": Decimal("22.50"),
    "prod-305": Decimal("24.90"),
    "prod-512": Decimal("39.00"),
    "prod-101": Decimal("64.00"),
    "prod-118": Decimal("89.50"),
    "prod-777": Decimal("120.00"),
    "prod-640": Decimal("749.00"),
}
MOST_PRODUCTS = 4
#: Most people buy one piece of something.
QUANTITIES = (1, 1, 1, 1, 2, 2, 3)
USERS = 500


@dataclass(frozen=True)
class Item:
    product_id: str
    quantity: int
    price: Decimal

    def document(self) -> dict[str, object]:
        # A price with two decimals survives the conversion to a float and back.
        return {
            "productId": self.product_id,
            "quantity": self.quantity,
            "price": float(self.price),
        }


@dataclass(frozen=True)
class Basket:
    user_id: str
    items: Sequence[Item]

    @property
    def total(self) -> Decimal:
        return sum((item.quantity * item.price for item in self.items), Decimal(0))

    def document(self) -> dict[str, object]:
        """The body of `POST /orders`, still to be written as JSON."""
        return {"userId": self.user_id, "items": [item.document() for item in self.items]}

    def body(self) -> str:
        return json.dumps(self.document())


def fill_basket(rng: random.Random) -> Basket:
    """1 to 4 products for one of 500 customers."""
    products = popular_products(rng, rng.randint(1, MOST_PRODUCTS))
    items = tuple(Item(name, rng.choice(QUANTITIES), PRICES[name]) for name in products)
    return Basket(f"usr-{rng.randint(1, USERS)}", items)


def popular_products(rng: random.Random, number: int) -> list[str]:
    """`number` different products, by Zipf's law: the n-th sells 1/n as often as the first.

    Under load, this makes stock movements compete for the same few rows.
    """
    # Weighted sampling without replacement (Efraimidis and Spirakis, 2006): the highest of
    # random ** (1 / weight), where the weight is 1 / rank.
    draws = {name: rng.random() ** rank for rank, name in zip(count(1), PRICES, strict=False)}
    return sorted(draws, key=draws.__getitem__, reverse=True)[:number]
