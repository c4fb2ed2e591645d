"""Reserves stock for orders, first come, first served."""

from collections import Counter
from collections.abc import Iterator, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from services.inventory.schema import movements, products
from shared.events import Event


def move_stock(tx: Connection, events: Sequence[Event]) -> None:
    """Reserve stock for a batch of events: three statements, whatever the batch size."""
    stock = _lock_stock(tx, events)
    before = dict(stock)
    rows = [row for event in events for row in reserve(stock, event)]
    now = datetime.now(UTC)
    tx.execute(movements.insert(), [row | {"at": now} for row in rows])
    changed = [{"id": id, "left": left} for id, left in stock.items() if left != before[id]]
    if changed:
        tx.execute(_SET_STOCK, changed)


def reserve(stock: MutableMapping[str, int], event: Event) -> Iterator[dict[str, Any]]:
    """Deduct the ordered quantities from `stock`; yield one movement per product."""
    for product_id, requested in requested_by(event).items():
        moved = min(requested, stock.get(product_id, 0))
        if moved:
            stock[product_id] -= moved
        yield {
            "event_id": event.id,
            "order_id": event.order.order_id,
            "product_id": product_id,
            "requested": requested,
            "moved": moved,
            "backordered": requested - moved,
        }


def requested_by(event: Event) -> Counter[str]:
    """Ordered quantity by product; several lines of the same product are added up."""
    requested: Counter[str] = Counter()
    for item in event.order.items:
        requested[item.product_id] += item.quantity
    return requested


def _lock_stock(tx: Connection, events: Sequence[Event]) -> dict[str, int]:
    """Lock the products that the events request; return the quantity on hand by product id.

    Every replica locks rows in the same order, so two of them never deadlock. SQLite ignores
    FOR UPDATE, but allows only one writer at a time.
    """
    wanted = sorted({item.product_id for event in events for item in event.order.items})
    query = (
        select(products.c.product_id, products.c.on_hand)
        .where(products.c.product_id.in_(wanted))
        .order_by(products.c.product_id)
        .with_for_update()
    )
    return {row.product_id: row.on_hand for row in tx.execute(query)}


_SET_STOCK = (
    update(products)
    .where(products.c.product_id == bindparam("id"))
    .values(on_hand=bindparam("left"))
)
