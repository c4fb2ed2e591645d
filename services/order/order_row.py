"""The row of a new order, and the statement that inserts it unless its key is in use."""

import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, or_, text

from services.order.idempotency import fingerprint, scoped
from services.order.modes import Mode
from services.order.order_form import NewOrder
from services.order.schema import orders
from shared.database.engine import Money, Utc

_encoder = msgspec.json.Encoder(decimal_format="number")

# Rows of earlier versions, in which keys did not belong to a user, contain the bare key.
INSERT_ORDER = """
    INSERT INTO orders (order_id, event_id, user_id, items, total_amount, status, placed_at,
                        idempotency_key, fingerprint)
    SELECT :order_id, :event_id, :user_id, :items, :total_amount, :status, :placed_at,
           :idempotency_key, :fingerprint
    WHERE NOT EXISTS (
        SELECT 1 FROM orders
        WHERE idempotency_key = :bare_key AND user_id = CAST(:user_id AS VARCHAR))
    ON CONFLICT DO NOTHING"""

TOTAL = bindparam("total_amount", type_=Money())
AT = bindparam("placed_at", type_=Utc())

PLACE_ORDER = text(INSERT_ORDER).bindparams(TOTAL, AT)


def new_row(order: NewOrder, *, status: str, mode: Mode, key: str | None) -> dict[str, Any]:
    """The parameters of the statement, with new ids."""
    return {
        "order_id": f"ord-{uuid.uuid4().hex}",
        "event_id": str(uuid.uuid4()),
        "user_id": order.user_id,
        "items": _encoder.encode(order.items).decode(),
        "total_amount": order.total_amount,
        "status": status,
        "placed_at": datetime.now(UTC),
        "idempotency_key": scoped(key, order.user_id) if key else None,
        "bare_key": key,
        "fingerprint": fingerprint(order, mode) if key else None,
    }


def has_same_key(row: dict[str, Any]) -> ColumnElement[bool]:
    """Condition for the existing order that kept the statement from inserting this one."""
    bare = and_(orders.c.idempotency_key == row["bare_key"], orders.c.user_id == row["user_id"])
    return or_(orders.c.idempotency_key == row["idempotency_key"], bare)
