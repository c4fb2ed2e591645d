"""Prepares a shipment for each order."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete

from services.shipping.schema import shipments
from shared.events import Event

CREATED = "created"
#: Shipment ids are derived from event ids, so a shipment that a replay rewrites keeps its id.
_NAMESPACE = uuid.UUID("5f0e3b8c-7a4d-4c55-9d0a-2f6f1f1f7c11")


def create_shipments(tx: Connection, events: Sequence[Event]) -> None:
    now = datetime.now(UTC)
    tx.execute(shipments.insert(), [_shipment(event, now) for event in events])


def forget_shipments(tx: Connection, event_ids: Sequence[str]) -> None:
    """Delete the shipments of these events; a replay then rewrites them."""
    tx.execute(delete(shipments).where(shipments.c.event_id.in_(event_ids)))


def shipment_id(event: Event) -> str:
    return f"shp-{uuid.uuid5(_NAMESPACE, event.id)}"


def _shipment(event: Event, now: datetime) -> dict[str, Any]:
    return {
        "shipment_id": shipment_id(event),
        "event_id": event.id,
        "order_id": event.order.order_id,
        "items": sum(item.quantity for item in event.order.items),
        "state": CREATED,
        "at": now,
    }
