"""Places an order: the order and its outbox row are written together, or neither is."""

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
from services.order.order_row import AT, INSERT_ORDER, PLACE_ORDER, has_its_key, new_row
from services.order.schema import orders
from shared.database.engine import reading, translated, writing
from shared.errors import DatabaseUnavailable
from shared.events import ORDER_PLACED, OrderPlaced, encode

log = structlog.get_logger()

ORDERS_PLACED = Counter("orders_placed", "Orders written, repeated requests not counted.")

ACCEPTED = "accepted"

#: How often an order is written anew because the key that it met was freed a moment later.
TRIES = 5

_INSERT_EVENT = """
    INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, headers, created_at)
    SELECT :event_id, 'order', :order_id, :event_type, :payload, :headers, :placed_at"""

_PLACE_EVENT = text(_INSERT_EVENT).bindparams(AT)
# One statement is one round trip and one transaction. `placed` is empty when another order has
# the same idempotency key: PostgreSQL waits until that one is committed or rolled back, and so
# two requests at once give one order.
_PLACE_BOTH = text(f"WITH placed AS ({INSERT_ORDER} RETURNING 1) {_INSERT_EVENT} FROM placed")
# Compiled once, and handed to the driver as it is: working out again for each order how a
# statement is run takes SQLAlchemy a quarter of the time that the whole order takes.
_POSTGRESQL = psycopg.dialect()  # type: ignore[no-untyped-call]
_PLACE_BOTH_COMPILED = str(_PLACE_BOTH.compile(dialect=_POSTGRESQL))


@dataclass(frozen=True, slots=True)
class Placed:
    """What the client is told: of an order placed now, or before with the same key."""

    order_id: str
    status: str
    total_amount: Decimal


#: As `place_order`.
Place = Callable[..., Placed]


def place_order(
    engine: Engine, order: NewOrder, *, key: str | None = None, traceparent: str = ""
) -> Placed:
    """Raises KeyReused, and DatabaseUnavailable: then nothing was written, or, when the database
    went away in the middle of it, perhaps it was. With a key the client can simply repeat it.
    """
    row = _row(order, key=key, traceparent=traceparent)
    write = _write_on_postgresql if engine.dialect.name == "postgresql" else _write_on_sqlite
    for _ in range(TRIES):
        if write(engine, row):
            return _placed_now(row)
        if before := _placed_before(engine, row):
            return before
    raise DatabaseUnavailable("the idempotency key is taken and freed, again and again")


def _placed_now(row: dict[str, Any]) -> Placed:
    ORDERS_PLACED.inc()
    log.info("order.placed", order=row["order_id"], event_id=row["event_id"])
    return Placed(row["order_id"], row["status"], row["total_amount"])


def _row(order: NewOrder, *, key: str | None, traceparent: str) -> dict[str, Any]:
    """The values of both rows, by their names in the statements."""
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
            # The connection broke, and whether the order was committed is unknown. Its id is
            # unique: sent again, it is written now or found to be there.
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
    """The order that has the key; None when `prune` freed the key after it was found taken."""
    same = has_its_key(row) if row["bare_key"] else orders.c.order_id == row["order_id"]
    with reading(engine) as tx:
        found = tx.execute(select(orders).where(same).limit(1)).one_or_none()
    if found is None:
        return None
    if found.fingerprint != row["fingerprint"]:
        raise KeyReused("the key was used before, for an order that is not this one")
    log.info("order.repeated", order=found.order_id, event_id=found.event_id)
    return Placed(found.order_id, found.status, found.total_amount)
