"""Reads a service's effects from its database, for `/effects` and `/orders/{orderId}`.

A long list is read page by page, each in its own transaction, so that a slow client blocks
nothing. A row that was committed before the first page, and is not deleted, is listed once.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Engine, Select, Table, select, tuple_

from shared.database.engine import reading

#: Rows of a page.
PAGE = 500


def rows(engine: Engine, query: Select[*tuple[Any, ...]]) -> list[dict[str, Any]]:
    """All rows of a query with a short result, as dicts keyed by column label."""
    with reading(engine) as tx:
        return [dict(row) for row in tx.execute(query).mappings()]


def stream(
    engine: Engine, query: Select[*tuple[Any, ...]], first: Column[Any], *more: Column[Any]
) -> Iterator[dict[str, Any]]:
    """The rows of a query with a result of any length, in the order of a unique key."""
    key = (first, *more)
    names = [f"key_{number}" for number, _ in enumerate(key)]
    labelled = [column.label(name) for column, name in zip(key, names, strict=True)]
    ordered = query.add_columns(*labelled).order_by(*key).limit(PAGE)
    page = rows(engine, ordered)
    while page:
        last = [page[-1][name] for name in names]
        for row in page:
            yield {name: value for name, value in row.items() if name not in names}
        page = rows(engine, ordered.where(tuple_(*key) > tuple_(*last)))


def of_order(query: Select[Any], column: Column[str], order_id: str | None) -> Select[Any]:
    """Restrict a query to one order; None means all orders."""
    return query if order_id is None else query.where(column == order_id)


def list_inbox(inbox: Table, engine: Engine, order_id: str | None) -> Iterator[dict[str, Any]]:
    """`{"eventId", "orderId", "state", "at"}` for each event in the inbox of a leased effect."""
    query = select(
        inbox.c.event_id.label("eventId"),
        inbox.c.order_id.label("orderId"),
        inbox.c.state,
        inbox.c.at,
    )
    return stream(engine, of_order(query, inbox.c.order_id, order_id), inbox.c.event_id)
