"""Places an order synchronously: calls the consumers while the client waits.

The baseline that the asynchronous mode is compared with. These orders bypass the outbox; otherwise
each effect would be applied twice.
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

#: Seconds added to the lease, for database access and clock differences.
LEASE_MARGIN = 5.0


class SynchronousPlacing:
    """`limit`: maximum number of orders at the same time in this process."""

    def __init__(self, runs: Runs, stages: StageCalls, *, limit: int) -> None:
        self.runs = runs
        self._stages = stages
        self._limit = limit
        self._free = threading.BoundedSemaphore(limit) if limit else threading.Semaphore(0)

    def place(
        self, order: NewOrder, mode: Mode, *, key: str | None = None, traceparent: str = ""
    ) -> FinishedRun:
        """Process an order while the client waits.

        Raises StageFailed or StageTimedOut if the order is stored and has failed, and
        TooManySynchronous and the errors of `Runs.begin` if nothing was done.
        """
        if not self._free.acquire(blocking=False):
            raise TooManySynchronous(self._why_full())
        try:
            return self._place(order, mode, key=key, traceparent=traceparent)
        finally:
            self._free.release()

    def _why_full(self) -> str:
        if not self._limit:
            return "synchronous orders get half of the threads: set THREADS to 2 or more"
        return f"{self._limit} orders are in progress; the other threads are reserved"

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
    """The event; a resumed order keeps the id and time of its event."""
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
