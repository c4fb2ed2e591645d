"""The reports: totals, revenue by product, orders per minute, and the facts themselves."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Engine,
    Select,
    cast,
    func,
    select,
    type_coerce,
)

from services.analytics.schema import fact_items, facts
from shared.activity.effects import PAGE, of_order, rows, stream
from shared.database.engine import reading
from shared.http.app import json_response

MINUTES = 60
#: Clients choose the product ids, so their number has no limit. The response needs one.
MAX_PRODUCTS = 1000

_FACTS = select(
    facts.c.event_id, facts.c.order_id, facts.c.total_amount, facts.c.minute, facts.c.at
).order_by(facts.c.event_id)
#: Items without a fact. This service never writes such rows, but /products would count them.
_ORPHANS = (
    select(
        fact_items.c.event_id.label("eventId"),
        fact_items.c.product_id.label("productId"),
        fact_items.c.quantity,
        fact_items.c.revenue,
    )
    .outerjoin_from(fact_items, facts, facts.c.event_id == fact_items.c.event_id)
    .where(facts.c.event_id.is_(None))
)
_FACT_FIELDS = ("eventId", "orderId", "totalAmount", "minute", "at")
_ITEM_FIELDS = ("productId", "quantity", "revenue")

_BILLION = 10**9


def _sums(amounts: Column[Decimal]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """The sum of the amounts, as billions of cents and the remaining cents.

    Each amount fits into 64 bits, but their sum may not, and SQLite raises an overflow error.
    """
    cents = type_coerce(amounts, BigInteger)
    parts = (cents // _BILLION, cents % _BILLION)
    high, low = (cast(func.coalesce(func.sum(part), 0), BigInteger) for part in parts)
    return high + low // _BILLION, low % _BILLION


def _amount(billions: int, cents: int) -> Decimal:
    return Decimal(billions * _BILLION + cents).scaleb(-2)


_TOTAL = _sums(facts.c.total_amount)
_TOTALS_SHOWN: list[Any] = [
    func.count().label("orders"),
    _TOTAL[0].label("billions"),
    _TOTAL[1].label("cents"),
]
_TOTALS = select(*_TOTALS_SHOWN).select_from(facts)

_REVENUE = _sums(fact_items.c.revenue)
_PRODUCTS = (
    select(
        fact_items.c.product_id.label("productId"),
        _REVENUE[0].label("billions"),
        _REVENUE[1].label("cents"),
        func.sum(fact_items.c.quantity).label("quantity"),
    )
    .group_by(fact_items.c.product_id)
    .order_by(_REVENUE[0].desc(), _REVENUE[1].desc(), fact_items.c.product_id)
    .limit(MAX_PRODUCTS)
)

_BY_MINUTE = select(facts.c.minute, func.count().label("orders")).group_by(facts.c.minute)


def list_facts(engine: Engine, order_id: str | None) -> Iterator[dict[str, Any]]:
    """Each fact with its items, in the order of the event.

    Without `order_id`, items that have no fact follow at the end.
    """
    lines = _lines(engine, of_order(_FACTS, facts.c.order_id, order_id))
    if order_id is None:
        lines = chain(lines, stream(engine, _ORPHANS, fact_items.c.event_id, fact_items.c.line))
    for _event_id, found in groupby(lines, key=itemgetter("eventId")):
        of_one = list(found)
        items = [{name: line[name] for name in _ITEM_FIELDS} for line in of_one]
        fact = {name: of_one[0].get(name) for name in _FACT_FIELDS}
        yield fact | {"items": [item for item in items if item["productId"] is not None]}


def _lines(engine: Engine, query: Select[Any]) -> Iterator[dict[str, Any]]:
    """One row per item, grouped by fact.

    Facts are read page by page. One statement reads a page together with its items, since a
    replay may rewrite both between two statements.
    """
    page = rows(engine, _with_items(query))
    while page:
        yield from page
        page = rows(engine, _with_items(query.where(facts.c.event_id > page[-1]["eventId"])))


def _with_items(query: Select[Any]) -> Select[Any]:
    some = query.limit(PAGE).subquery()
    return (
        select(
            some.c.event_id.label("eventId"),
            some.c.order_id.label("orderId"),
            some.c.total_amount.label("totalAmount"),
            some.c.minute,
            some.c.at,
            fact_items.c.product_id.label("productId"),
            fact_items.c.quantity,
            fact_items.c.revenue,
        )
        .outerjoin_from(some, fact_items, some.c.event_id == fact_items.c.event_id)
        .order_by(some.c.event_id, fact_items.c.line)
    )


def orders_per_minute(engine: Engine, now: float) -> list[dict[str, Any]]:
    """Counts for the last 60 minutes, current minute last, including minutes with no orders."""
    last = int(now) // 60
    minutes = range(last - MINUTES + 1, last + 1)
    query = _BY_MINUTE.where(facts.c.minute.between(minutes[0], minutes[-1]))
    with reading(engine) as tx:
        orders = {row.minute: row.orders for row in tx.execute(query)}
    return [
        {"minute": datetime.fromtimestamp(minute * 60, UTC), "orders": orders.get(minute, 0)}
        for minute in minutes
    ]


def _with_revenue(row: dict[str, Any]) -> dict[str, Any]:
    revenue = _amount(row.pop("billions"), row.pop("cents"))
    return {**row, "revenue": revenue}


def report_views(engine: Engine, clock: Callable[[], float] = time.time) -> Blueprint:
    views = Blueprint("reports", __name__)

    @views.get("/totals")
    def totals() -> Response:
        [row] = map(_with_revenue, rows(engine, _TOTALS))
        return json_response(row)

    @views.get("/products")
    def products() -> Response:
        return json_response({"products": list(map(_with_revenue, rows(engine, _PRODUCTS)))})

    @views.get("/orders-per-minute")
    def by_minute() -> Response:
        return json_response({"minutes": orders_per_minute(engine, clock())})

    return views
