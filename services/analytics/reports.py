"""What analytics answers: totals, revenue by product, orders a minute, and the facts themselves."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import Engine, func, select

from services.analytics.schema import fact_items, facts
from shared.database import reading
from shared.effects import of_order, stream
from shared.http import json_response

MINUTES = 60
#: Ids of products come from whoever places orders; the answer stays bounded.
MAX_PRODUCTS = 1000

_FACTS = select(
    facts.c.event_id.label("eventId"),
    facts.c.order_id.label("orderId"),
    facts.c.total_amount.label("totalAmount"),
    facts.c.at,
)

_TOTALS = select(
    func.count().label("orders"),
    func.coalesce(func.sum(facts.c.total_amount), 0).label("revenue"),
).select_from(facts)

_REVENUE = func.sum(fact_items.c.revenue)
_PRODUCTS = (
    select(
        fact_items.c.product_id.label("productId"),
        _REVENUE.label("revenue"),
        func.sum(fact_items.c.quantity).label("quantity"),
    )
    .group_by(fact_items.c.product_id)
    .order_by(_REVENUE.desc(), fact_items.c.product_id)
    .limit(MAX_PRODUCTS)
)

_BY_MINUTE = select(facts.c.minute, func.count().label("orders")).group_by(facts.c.minute)


def list_facts(engine: Engine, order_id: str | None) -> Iterator[dict[str, Any]]:
    return stream(engine, of_order(_FACTS, facts.c.order_id, order_id))


def orders_per_minute(engine: Engine, now: float) -> list[dict[str, Any]]:
    """The last 60 minutes, the current one last, also those without an order."""
    last = int(now) // 60
    minutes = range(last - MINUTES + 1, last + 1)
    query = _BY_MINUTE.where(facts.c.minute.between(minutes[0], minutes[-1]))
    with reading(engine) as tx:
        orders = {row.minute: row.orders for row in tx.execute(query)}
    return [
        {"minute": datetime.fromtimestamp(minute * 60, UTC), "orders": orders.get(minute, 0)}
        for minute in minutes
    ]


def report_views(engine: Engine, clock: Callable[[], float] = time.time) -> Blueprint:
    views = Blueprint("reports", __name__)

    @views.get("/totals")
    def totals() -> Response:
        [row] = stream(engine, _TOTALS)
        return json_response(row)

    @views.get("/products")
    def products() -> Response:
        return json_response({"products": list(stream(engine, _PRODUCTS))})

    @views.get("/orders-per-minute")
    def by_minute() -> Response:
        return json_response({"minutes": orders_per_minute(engine, clock())})

    return views
