"""Stores synchronous orders: pending under a lease, then completed or failed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Engine, Row, func, select, update

from services.order.errors import KeyReused, OrderInProgress
from services.order.modes import Mode
from services.order.order_row import PLACE_ORDER, has_same_key
from services.order.placing import ORDERS_PLACED, TRIES
from services.order.schema import orders, runs
from services.order.synchronous.calls import Stage, failed_stage
from shared.consuming.lease_rows import LONGEST_LEASE
from shared.database.engine import clock_of, reading, writing
from shared.errors import DatabaseUnavailable

log = structlog.get_logger()

PENDING = "pending"
COMPLETED = "completed"
FAILED = "failed"

_read_stages = msgspec.json.Decoder(tuple[Stage, ...]).decode


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """An order that this process may process until `lease_until` (seconds since 1970)."""

    order_id: str
    event_id: str
    placed_at: datetime
    total_amount: Decimal
    lease_until: float


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """An order that was completed or failed, in this request or an earlier one."""

    order_id: str
    status: str
    total_amount: Decimal
    stages: Sequence[Stage]


@dataclass(frozen=True, slots=True)
class RunState:
    """State for display. `is_running`: its lease is active; `stages`: those of the last run."""

    mode: str
    is_running: bool
    stages: Sequence[Stage]


class Runs:
    """Leases use the clock of the database, which all replicas share."""

    def __init__(self, engine: Engine, *, clock: Callable[[Connection], float] = clock_of) -> None:
        self._engine = engine
        self._clock = clock

    def begin(self, row: dict[str, Any], mode: Mode, *, lease: float) -> ClaimedRun | FinishedRun:
        """Store the order, or resume the one with the same key, under a lease of `lease` seconds.

        Raises OrderInProgress, KeyReused and DatabaseUnavailable.
        """
        for _ in range(TRIES):
            with writing(self._engine) as tx:
                begun = self._begin(tx, row, mode, lease)
            if begun:
                return begun
        raise DatabaseUnavailable("the idempotency key is repeatedly in use and freed")

    def _begin(
        self, tx: Connection, row: dict[str, Any], mode: Mode, lease: float
    ) -> ClaimedRun | FinishedRun | None:
        """None if `prune` freed the key after it was found in use."""
        if tx.execute(PLACE_ORDER, row).rowcount == 1:
            return _begin_new(tx, row, mode, self._clock(tx) + lease)
        found = tx.execute(select(orders).where(has_same_key(row)).limit(1)).one_or_none()
        return self._resume(tx, found, row, lease) if found else None

    def _resume(
        self, tx: Connection, found: Row[Any], row: dict[str, Any], lease: float
    ) -> ClaimedRun | FinishedRun:
        if found.fingerprint != row["fingerprint"]:
            raise KeyReused("the key was used before, for a different order")
        this_run = runs.c.order_id == found.order_id
        run = tx.execute(select(runs).where(this_run).with_for_update()).one()
        # Read again under the lock: its previous holder may have finished the order.
        status = tx.scalar(select(orders.c.status).where(orders.c.seq == found.seq))
        if status == COMPLETED:
            return FinishedRun(
                found.order_id, COMPLETED, found.total_amount, _read_stages(run.stages)
            )
        now = self._clock(tx)
        left = run.lease_until - now
        # A lease that ends later than this was taken by a wrong clock.
        if 0 < left <= LONGEST_LEASE:
            raise OrderInProgress(found.order_id, left)
        until = now + lease
        tx.execute(update(runs).where(this_run).values(lease_until=until))
        tx.execute(update(orders).where(orders.c.seq == found.seq).values(status=PENDING))
        log.info("order.resumed", order=found.order_id, event_id=found.event_id)
        return _run(found._mapping, until)

    def end(self, run: ClaimedRun, stages: Sequence[Stage]) -> FinishedRun:
        """Store the result, unless another process has taken over the order in the meantime."""
        status = FAILED if failed_stage(stages) else COMPLETED
        own_lease = (runs.c.order_id == run.order_id) & (runs.c.lease_until == run.lease_until)
        text = msgspec.json.encode(stages).decode()
        with writing(self._engine) as tx:
            ended = tx.execute(update(runs).where(own_lease).values(lease_until=0.0, stages=text))
            if ended.rowcount == 1:
                this_order = orders.c.order_id == run.order_id
                tx.execute(update(orders).where(this_order).values(status=status))
        log.info("order.done", order=run.order_id, event_id=run.event_id, status=status)
        return FinishedRun(run.order_id, status, run.total_amount, stages)

    def find(self, order_id: str) -> RunState | None:
        with reading(self._engine) as tx:
            row = tx.execute(select(runs).where(runs.c.order_id == order_id)).one_or_none()
            now = self._clock(tx)
        if row is None:
            return None
        is_running = now < row.lease_until <= now + LONGEST_LEASE
        return RunState(row.mode, is_running, _read_stages(row.stages))

    def running(self) -> int:
        """The number of orders in progress."""
        with reading(self._engine) as tx:
            now = self._clock(tx)
            until = runs.c.lease_until
            alive = (until > now) & (until <= now + LONGEST_LEASE)
            return tx.scalar(select(func.count()).select_from(runs).where(alive)) or 0


def _begin_new(tx: Connection, row: dict[str, Any], mode: Mode, until: float) -> ClaimedRun:
    new = {"order_id": row["order_id"], "mode": mode, "lease_until": until, "stages": "[]"}
    tx.execute(runs.insert(), new)
    ORDERS_PLACED.inc()
    log.info("order.begun", order=row["order_id"], event_id=row["event_id"], mode=mode)
    return _run(row, until)


def _run(row: Any, until: float) -> ClaimedRun:
    return ClaimedRun(
        row["order_id"], row["event_id"], row["placed_at"], row["total_amount"], until
    )
