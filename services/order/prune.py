"""`python -m services.order.prune`: delete old idempotency keys, but no orders or outbox rows."""

import sys
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine, select, update

from services.order.schema import orders
from shared.consuming.prune import BATCH, in_batches, utc_now
from shared.database.engine import open_database
from shared.errors import DatabaseUnavailable
from shared.observability import configure_logging
from shared.settings import PruneSettings, main


def run(settings: PruneSettings) -> None:
    configure_logging("order")
    cutoff = utc_now() - timedelta(days=settings.keep_days)
    try:
        keys = forget_keys(open_database(settings.database_url), cutoff)
    except DatabaseUnavailable as error:
        sys.exit(f"order: the prune did not finish, run it again later: {error}")
    structlog.get_logger().info("prune.done", cutoff=cutoff.isoformat(), idempotency_keys=keys)


def forget_keys(engine: Engine, cutoff: datetime, *, batch: int = BATCH) -> int:
    """Delete the keys of orders placed before the cutoff, in batches; return their number."""
    old = (orders.c.idempotency_key.is_not(None)) & (orders.c.placed_at < cutoff)
    some = select(orders.c.seq).where(old).limit(batch)
    nothing = {"idempotency_key": None, "fingerprint": None}
    return in_batches(engine, update(orders).where(orders.c.seq.in_(some)).values(nothing))


if __name__ == "__main__":
    main(PruneSettings, run)
