"""Consumers and prices are defined once, in `shop`, and not in `shared`."""

import ast
import json
from decimal import Decimal
from pathlib import Path
from random import Random

from services.dashboard.baskets import PRODUCTS, basket
from shop.consumers import CONSUMERS, LATECOMERS
from shop.prices import PRICES

ROOT = Path(__file__).parents[3]


def test_shared_names_no_consumer() -> None:
    named = [
        (str(path.relative_to(ROOT)), node.value)
        for path in (ROOT / "shared").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in {*CONSUMERS, *LATECOMERS}
    ]
    assert named == []


def test_every_consumer_is_a_service() -> None:
    services = {path.parent.name for path in (ROOT / "services").glob("*/handler.py")}
    assert {*CONSUMERS, *LATECOMERS} == services


def test_the_page_uses_the_shops_exact_prices() -> None:
    bodies = [json.loads(basket(Random(seed)), parse_float=Decimal) for seed in range(50)]
    items = [item for body in bodies for item in body["items"]]

    assert {item["productId"]: item["price"] for item in items} == {
        product: PRICES[product] for product in PRODUCTS
    }
