"""Generates random orders."""

from random import Random

from shared.http.app import to_json
from shop.prices import PRICES

#: Some of the products of the shop.
PRODUCTS = ("prod-123", "prod-204", "prod-305", "prod-310", "prod-456")
USERS = 500


def basket(rng: Random) -> bytes:
    """The body of `POST /orders`."""
    products = rng.sample(PRODUCTS, rng.randint(1, 3))
    items = [
        {"productId": product, "quantity": rng.randint(1, 3), "price": PRICES[product]}
        for product in products
    ]
    return to_json({"userId": f"usr-{rng.randint(1, USERS)}", "items": items})
