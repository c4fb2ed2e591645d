"""Places an order synchronously: calls the consumers while the client waits.

The asynchronous mode is compared with this. Nothing of it goes through the outbox, or each effect
would be there twice.
"""

import threading

from services.order.errors import StageFailed, StageTimedOut, TooManySynchronous
from services.order.modes import Mode
from services.order.order_form import NewOrder
from services.order.order_row import new_row
from services.order.outbox import SOURCE
from services.order.synchronous.calls import TIMED_OUT, StageCalls, failed_stage
from services.order.synchronous.runs import PENDING, ClaimedRun, FinishedRun, Runs
from shared.events import ORDER_PLACED, OrderPlaced, encode
from shared.transport import Message

#: Seconds by which a lease exceeds the calls: for the database, and for clocks that differ.
LEASE_MARGIN = 5.0


class SynchronousPlacing:
    """`limit`: how many orders are done at the same time in this process, at most."""

    def __init__(self, runs: Runs, stages: StageCalls, *, limit: int) -> None:
        self.runs = runs
        self._stages = stages
        self._limit = limit
        self._free = threading.BoundedSemaphore(limit) if limit else threading.Semaphore(0)

    def place(
        self, order: NewOrder, mode: Mode, *, key: str | None = None, traceparent: str = ""
    ) -> FinishedRun:
        """Raises StageFailed or StageTimedOut for an order that is written down and has failed,
        TooManySynchronous and what `Runs.begin` raises for one that nothing was done about.
        """
        if not self._free.acquire(blocking=False):
            raise TooManySynchronous(self._why_full())
        try:
            return self._place(order, mode, key=key, traceparent=traceparent)
        finally:
            self._free.release()

    def _why_full(self) -> str:
        if not self._limit:
            return "half of a single thread is none: start the service with THREADS of 2 or more"
        return f"{self._limit} orders are being done here, and others need threads as well"

    def _place(
        self, order: NewOrder, mode: Mode, *, key: str | None, traceparent: str
    ) -> FinishedRun:
        row = new_row(order, status=PENDING, mode=mode, key=key)
        lease = self._stages.longest(mode) + LEASE_MARGIN
        run = self.runs.begin(row, mode, lease=lease)
        if isinstance(run, FinishedRun):
            return run
        done = self.runs.end(run, self._stages.run(mode, _message(run, order, traceparent)))
        _raise_if_failed(done)
        return done


def _message(run: ClaimedRun, order: NewOrder, traceparent: str) -> Message:
    """The event; resumed, it has the id and the time that it had before."""
    event = OrderPlaced(run.order_id, order.user_id, order.items, order.total_amount)
    return Message(
        id=run.event_id,
        type=ORDER_PLACED,
        source=SOURCE,
        time=run.placed_at.isoformat(),
        key=run.order_id,
        body=encode(event),
        traceparent=traceparent,
    )


def _raise_if_failed(done: FinishedRun) -> None:
    failed = failed_stage(done.stages)
    if failed:
        kind = StageTimedOut if failed.outcome == TIMED_OUT else StageFailed
        raise kind(
            f"{failed.stage}: {failed.reason}",
            order_id=done.order_id,
            stage=failed.stage,
            stages=done.stages,
        )
