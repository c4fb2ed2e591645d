"""Places an order: writes the order and its outbox row in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import structlog
from prometheus_client import Counter
from sqlalchemy import Engine, select, text
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.exc import DBAPIError

from services.order.errors import KeyReused
from services.order.modes import Mode
from services.order.order_form import NewOrder
from services.order.order_row import AT, INSERT_ORDER, PLACE_ORDER, has_same_key, new_row
from services.order.schema import orders
from shared.database.engine import reading, translated, writing
from shared.errors import DatabaseUnavailable
from shared.events import ORDER_PLACED, OrderPlaced, encode

log = structlog.get_logger()

ORDERS_PLACED = Counter("orders_placed", "Orders stored, not counting repeated requests.")

ACCEPTED = "accepted"

#: How often to try writing an order whose key is in use but is freed a moment later.
TRIES = 5

_INSERT_EVENT = """
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at)
    SELECT :event_id, 'order', :order_id, :event_type, :payload, :headers, :placed_at"""

_PLACE_EVENT = text(_INSERT_EVENT).bindparams(AT)
# One statement is one round trip and one transaction. `placed` is empty if another order has the
# same idempotency key: PostgreSQL waits until that one is committed or rolled back, so two
# simultaneous requests create one order.
_PLACE_BOTH = text(f"WITH placed AS ({INSERT_ORDER} RETURNING 1) {_INSERT_EVENT} FROM placed")
# Compiled once and passed directly to the driver: preparing the statement for each order would
# take SQLAlchemy a quarter of the time of the whole order.
_POSTGRESQL = psycopg.dialect()  # type: ignore[no-untyped-call]
_PLACE_BOTH_COMPILED = str(_PLACE_BOTH.compile(dialect=_POSTGRESQL))


@dataclass(frozen=True, slots=True)
class Placed:
    """The response to the client, for an order placed now or earlier with the same key."""

    order_id: str
    status: str
    total_amount: Decimal


#: The signature of `place_order` without `engine`.
Place = Callable[..., Placed]


def place_order(
    engine: Engine, order: NewOrder, *, key: str | None = None, traceparent: str = ""
) -> Placed:
    """Store an order and its event; `key` is the idempotency key.

    Raises KeyReused, and DatabaseUnavailable, after which the order may have been stored if the
    connection was lost in the middle. With a key, the client can safely repeat the request.
    """
    row = _row(order, key=key, traceparent=traceparent)
    write = _write_on_postgresql if engine.dialect.name == "postgresql" else _write_on_sqlite
    for _ in range(TRIES):
        if write(engine, row):
            return _placed_now(row)
        if before := _placed_before(engine, row):
            return before
    raise DatabaseUnavailable("the idempotency key is repeatedly in use and freed")


def _placed_now(row: dict[str, Any]) -> Placed:
    ORDERS_PLACED.inc()
    log.info("order.placed", order=row["order_id"], event_id=row["event_id"])
    return Placed(row["order_id"], row["status"], row["total_amount"])


def _row(order: NewOrder, *, key: str | None, traceparent: str) -> dict[str, Any]:
    """The parameters of both statements."""
    placed = new_row(order, status=ACCEPTED, mode=Mode.ASYNC, key=key)
    event = OrderPlaced(placed["order_id"], order.user_id, order.items, order.total_amount)
    headers = {"traceparent": traceparent} if traceparent else {}
    return placed | {
        "event_type": ORDER_PLACED,
        "payload": encode(event).decode(),
        "headers": msgspec.json.encode(headers).decode(),
    }


def _write_on_postgresql(engine: Engine, row: dict[str, Any]) -> bool:
    with translated():
        try:
            return _place_both(engine, row)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # The connection was lost, and whether the order was committed is unknown. Its id is
            # unique, so the retry either writes it or finds it.
            return _place_both(engine, row)


def _place_both(engine: Engine, row: dict[str, Any]) -> bool:
    cents = int(row["total_amount"] * 100)
    with engine.begin() as tx:
        placed = tx.exec_driver_sql(_PLACE_BOTH_COMPILED, row | {"total_amount": cents})
        return placed.rowcount == 1


def _write_on_sqlite(engine: Engine, row: dict[str, Any]) -> bool:
    with writing(engine) as tx:
        placed = tx.execute(PLACE_ORDER, row).rowcount == 1
        if placed:
            tx.execute(_PLACE_EVENT, row)
    return placed


def _placed_before(engine: Engine, row: dict[str, Any]) -> Placed | None:
    """The order with the same key; None if `prune` has freed the key in the meantime."""
    same = has_same_key(row) if row["bare_key"] else orders.c.order_id == row["order_id"]
    with reading(engine) as tx:
        found = tx.execute(select(orders).where(same).limit(1)).one_or_none()
    if found is None:
        return None
    if found.fingerprint != row["fingerprint"]:
        raise KeyReused("the key was used before, for a different order")
    log.info("order.repeated", order=found.order_id, event_id=found.event_id)
    return Placed(found.order_id, found.status, found.total_amount)
