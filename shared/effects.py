"""What a service did, read from its database row by row, for `/effects` and `/orders/{orderId}`."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Engine, Select, Table, select

from shared.database import reading

#: Rows fetched at a time: a list of any length is streamed through little memory.
CHUNK = 500


def stream(engine: Engine, query: Select[*tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """The rows of a query as dicts, keys as its columns are labelled."""
    with reading(engine) as tx:
        for row in tx.execution_options(yield_per=CHUNK).execute(query).mappings():
            yield dict(row)


def of_order(query: Select[Any], column: Column[str], order_id: str | None) -> Select[Any]:
    """Restrict a query to one order; None stands for all of them."""
    return query if order_id is None else query.where(column == order_id)


def list_inbox(inbox: Table, engine: Engine, order_id: str | None) -> Iterator[dict[str, Any]]:
    """`{"eventId", "orderId", "state", "at"}` for each event that a leased effect has taken up."""
    query = select(
        inbox.c.event_id.label("eventId"),
        inbox.c.order_id.label("orderId"),
        inbox.c.state,
        inbox.c.at,
    )
    return stream(engine, of_order(query, inbox.c.order_id, order_id))
