"""The state of one consumer: its reported activity, and its progress with the open orders."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from services.dashboard.polled import Polled
from services.dashboard.tracked_orders import TrackedOrders
from services.dashboard.watched_service import WatchedService
from shared.activity.shapes import (
    APPLIED,
    DEAD_LETTERED,
    DISCARDED,
    MOST_ORDERS,
    REDRIVEN,
    Activity,
    Asked,
    Ended,
    RecentStep,
)

#: Seconds between two queries of the inbox.
INBOX_PERIOD = 1.5
#: Seconds after which a process that has not responded is no longer counted.
HEARD_SECONDS = 8.0


class ConsumerState:
    """`tracked` is None for a latecomer, whose inbox is not queried."""

    def __init__(self, service: WatchedService, tracked: TrackedOrders | None) -> None:
        self.name = service.name
        self._service = service
        self._tracked = tracked
        self._to_check: Sequence[str] = ()
        self.activity = Polled(lambda: service.get("/activity", Activity))
        self.inbox = Polled(self._ended, every=INBOX_PERIOD)
        #: By process: time of the last report, and its unacknowledged deliveries. Each request
        #: reaches only one process.
        self._processes: dict[str, tuple[float, int]] = {}
        self._seen: frozenset[tuple[str, str, int, datetime]] | None = None

    def refresh(self, threads: ThreadPoolExecutor) -> None:
        # Copied here, since `tracked` belongs to this thread and the requests run in others.
        self.activity.refresh(threads)
        if self._tracked is not None:
            self._to_check = self._tracked.to_check(self.name)
            self.inbox.refresh(threads)

    def _ended(self) -> Mapping[str, str]:
        """The outcomes of the open orders: first of all tracked orders, later only of a few."""
        orders = self._to_check
        ended: dict[str, str] = {}
        for first in range(0, len(orders), MOST_ORDERS):
            asked = Asked(list(orders[first : first + MOST_ORDERS]))
            ended |= self._service.post("/activity/ended", asked, Ended).ended
        return ended

    def new_steps(self) -> list[RecentStep]:
        """Process the responses; return the steps since the previous one, oldest first."""
        if self.inbox.collect() and self.inbox.value and self._tracked:
            self._tracked.ended(self.name, self.inbox.value)
        if not self.activity.collect() or self.activity.value is None:
            return []
        self._count_processes(self.activity.value, self.activity.value_at)
        steps = {_identity(step): step for step in self.activity.value.steps}
        before, self._seen = self._seen, frozenset(steps)
        new = [steps[each] for each in reversed(steps) if before is not None and each not in before]
        for step in new:
            self._note(step)
        return new

    def _note(self, step: RecentStep) -> None:
        if self._tracked is None:
            return
        if step.step == REDRIVEN:
            self._tracked.redriven(self.name, step.order_id)
        elif step.step in (APPLIED, DEAD_LETTERED, DISCARDED):
            self._tracked.ended(self.name, {step.order_id: step.step})

    @property
    def is_followed(self) -> bool:
        return self._tracked is not None

    @property
    def is_checked(self) -> bool:
        """Whether its inbox has been queried, so that its open orders are known."""
        return self.is_followed and self.inbox.value is not None

    @property
    def is_known(self) -> bool:
        """True for a latecomer only after its first response."""
        return self.is_followed or self.activity.value is not None

    def _count_processes(self, activity: Activity, at: float) -> None:
        self._processes[activity.process] = (at, activity.unsettled)
        gone = [name for name, (heard, _) in self._processes.items() if at - heard > HEARD_SECONDS]
        for name in gone:
            del self._processes[name]

    @property
    def processes(self) -> int:
        """The number of processes that have responded recently."""
        return len(self._processes)

    @property
    def held(self) -> int:
        """Unacknowledged deliveries in all processes."""
        return sum(unsettled for _, unsettled in self._processes.values())

    @property
    def ready(self) -> int | None:
        """Messages that are not delivered; None while the broker does not report them."""
        queue = self.activity.value.queue if self.activity.value else None
        if queue is None:
            return None
        return max(0, queue.ready - self.held) if queue.counts_held else queue.ready

    @property
    def is_idle(self) -> bool:
        """Whether it has no waiting, retrying or unacknowledged messages, as far as is known."""
        activity = self.activity.value
        if activity is None or activity.queue is None or self.activity.reason:
            return False
        return (self.ready, activity.queue.retrying, self.held) == (0, 0, 0)


def _identity(step: RecentStep) -> tuple[str, str, int, datetime]:
    return step.event_id, step.step, step.attempt, step.at
