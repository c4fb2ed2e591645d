"""HTTP views of the stock and of its movements."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import Engine, select

from services.inventory.schema import movements, products
from shared.activity.effects import of_order, rows, stream
from shared.events import is_id
from shared.http.app import json_response, problem

_STOCK = select(
    products.c.product_id.label("productId"),
    products.c.name,
    products.c.initial,
    products.c.on_hand.label("onHand"),
).order_by(products.c.product_id)

_MOVEMENTS = select(
    movements.c.event_id.label("eventId"),
    movements.c.order_id.label("orderId"),
    movements.c.product_id.label("productId"),
    movements.c.requested,
    movements.c.moved,
    movements.c.backordered,
    movements.c.at,
)


def list_movements(engine: Engine, order_id: str | None) -> Iterator[dict[str, Any]]:
    """One row per product of the order, or of all orders; oldest movement first."""
    query = of_order(_MOVEMENTS, movements.c.order_id, order_id)
    return stream(engine, query, movements.c.seq)


def stock_views(engine: Engine) -> Blueprint:
    views = Blueprint("stock", __name__)

    @views.get("/stock")
    def whole() -> Response:
        return json_response({"products": rows(engine, _STOCK)})

    @views.get("/stock/<product_id>")
    def of_product(product_id: str) -> Response:
        # Not queried: PostgreSQL rejects a text that contains NUL.
        if not is_id(product_id):
            return problem(404, "Unknown product", "No product has an id like this.")
        found = rows(engine, _STOCK.where(products.c.product_id == product_id))
        if not found:
            return problem(404, "Unknown product", f"The catalogue has no {product_id}.")
        return json_response(found[0])

    return views
