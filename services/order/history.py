"""Finds orders: one by its id, or all of them page by page, newest first."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Engine, Row, select

from services.order.errors import UnknownOrder
from services.order.placing import ACCEPTED
from services.order.schema import orders
from services.order.synchronous.runs import COMPLETED, FAILED, PENDING
from shared.database.engine import reading
from shared.events import Identifier, is_id
from shared.openapi.fields import Time, one_of

MAX_PAGE = 1000
DEFAULT_PAGE = 100
#: The largest sequence number of an order, a 64-bit integer in the database.
MAX_CURSOR = 2**63 - 1
Status = Annotated[str, one_of(ACCEPTED, PENDING, COMPLETED, FAILED)]


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """An order as the API returns it."""

    order_id: Identifier
    event_id: str
    user_id: Identifier
    #: The stored JSON, passed on without parsing.
    items: msgspec.Raw
    total_amount: Decimal
    status: Status
    placed_at: Time


class Orders(msgspec.Struct, frozen=True):
    orders: Sequence[Order]
    next: Annotated[str | None, Meta(description="The cursor of the next page, if there is one.")]


def find_order(engine: Engine, order_id: str) -> Order:
    """Raises UnknownOrder."""
    # Not queried: PostgreSQL, for example, rejects a text that contains NUL.
    if not is_id(order_id):
        raise UnknownOrder("no order has an id like this")
    with reading(engine) as tx:
        row = tx.execute(select(orders).where(orders.c.order_id == order_id)).one_or_none()
    if row is None:
        raise UnknownOrder(f"there is no order {order_id}")
    return _order(row)


def page_of_orders(engine: Engine, *, limit: int, cursor: int | None = None) -> Orders:
    """Up to `limit` orders older than `cursor`, a sequence number; the newest ones without it.

    Orders placed in the meantime precede the first page and do not shift later pages.
    """
    query = select(orders).order_by(orders.c.seq.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(orders.c.seq < cursor)
    with reading(engine) as tx:
        rows = tx.execute(query).all()
    shown = rows[:limit]
    cursor_after = str(shown[-1].seq) if len(rows) > limit else None
    return Orders([_order(row) for row in shown], cursor_after)


def _order(row: Row[tuple[object, ...]]) -> Order:
    return Order(
        order_id=row.order_id,
        event_id=row.event_id,
        user_id=row.user_id,
        items=msgspec.Raw(row.items.encode()),
        total_amount=row.total_amount,
        status=row.status,
        placed_at=row.placed_at,
    )
