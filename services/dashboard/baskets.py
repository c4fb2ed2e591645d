"""Orders as a customer of this shop would send them, made up."""

from random import Random

import msgspec

#: Some of what the inventory has on its shelves.
PRICES = {"prod-123": 4.95, "prod-204": 18.0, "prod-305": 24.9, "prod-310": 9.8, "prod-456": 49.99}
USERS = 500


def basket(rng: Random) -> bytes:
    """The body of `POST /orders`."""
    products = rng.sample(list(PRICES), rng.randint(1, 3))
    items = [
        {"productId": product, "quantity": rng.randint(1, 3), "price": PRICES[product]}
        for product in products
    ]
    return msgspec.json.encode({"userId": f"usr-{rng.randint(1, USERS)}", "items": items})
