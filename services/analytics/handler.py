"""Records each order as a fact, from which the reports are computed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from services.analytics.schema import add_facts, add_items
from shared.events import Event


def write_facts(tx: Connection, events: Sequence[Event]) -> None:
    """Insert a fact per event and a row per item: two statements, whatever the batch size."""
    now = datetime.now(UTC)
    add_facts(tx, [_fact(event, now) for event in events])
    add_items(tx, [row for event in events for row in _items(event)])


def _fact(event: Event, now: datetime) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "order_id": event.order.order_id,
        "total_amount": event.order.total_amount,
        "minute": int(event.time.timestamp()) // 60,
        "at": now,
    }


def _items(event: Event) -> Iterator[dict[str, Any]]:
    for line, item in enumerate(event.order.items):
        yield {
            "event_id": event.id,
            "line": line,
            "product_id": item.product_id,
            "quantity": item.quantity,
            "revenue": item.total(),
        }
