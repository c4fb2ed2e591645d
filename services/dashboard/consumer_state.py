"""One consumer as it is watched: what it tells of itself, and of the orders that are open there."""

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

#: Seconds between two looks into the inbox.
INBOX_PERIOD = 1.5
#: A process that has not answered for so many seconds is gone, or was never asked again.
HEARD_SECONDS = 8.0


class ConsumerState:
    """Without tracked orders, for a latecomer, nobody asks it about orders."""

    def __init__(self, service: WatchedService, tracked: TrackedOrders | None) -> None:
        self.name = service.name
        self._service = service
        self._tracked = tracked
        self._to_ask: Sequence[str] = ()
        self.activity = Polled(lambda: service.get("/activity", Activity))
        self.inbox = Polled(self._ended, every=INBOX_PERIOD)
        #: What each of its processes holds, and when it said so: one of them answers at a time.
        self._processes: dict[str, tuple[float, int]] = {}
        self._seen: frozenset[tuple[str, str, int, datetime]] | None = None

    def refresh(self, threads: ThreadPoolExecutor) -> None:
        # What to ask is noted here, since other threads ask: `tracked` belongs to this one.
        self.activity.refresh(threads)
        if self._tracked is not None:
            self._to_ask = self._tracked.to_ask_about(self.name)
            self.inbox.refresh(threads)

    def _ended(self) -> Mapping[str, str]:
        """What became of the open orders: all that are tracked at first, then few."""
        orders = self._to_ask
        ended: dict[str, str] = {}
        for first in range(0, len(orders), MOST_ORDERS):
            asked = Asked(list(orders[first : first + MOST_ORDERS]))
            ended |= self._service.post("/activity/ended", asked, Ended).ended
        return ended

    def news(self) -> list[RecentStep]:
        """Take in what was answered; steps that were not in the answer before, oldest first."""
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
    def has_been_asked(self) -> bool:
        """What is open there is known: its inbox has been looked into."""
        return self.is_followed and self.inbox.value is not None

    @property
    def is_known(self) -> bool:
        """A latecomer is, once it has answered."""
        return self.is_followed or self.activity.value is not None

    def _count_processes(self, told: Activity, at: float) -> None:
        self._processes[told.process] = (at, told.unsettled)
        gone = [name for name, (heard, _) in self._processes.items() if at - heard > HEARD_SECONDS]
        for name in gone:
            del self._processes[name]

    @property
    def processes(self) -> int:
        """How many have answered lately."""
        return len(self._processes)

    @property
    def held(self) -> int:
        """Deliveries in the hands of all of them."""
        return sum(unsettled for _, unsettled in self._processes.values())

    @property
    def ready(self) -> int | None:
        """Messages that no consumer holds; None while the broker does not tell."""
        queue = self.activity.value.queue if self.activity.value else None
        if queue is None:
            return None
        return max(0, queue.ready - self.held) if queue.counts_held else queue.ready

    @property
    def is_idle(self) -> bool:
        """Nothing is in its queue, on a rung or in its hands, and that is known."""
        told = self.activity.value
        if told is None or told.queue is None or self.activity.reason:
            return False
        return (self.ready, told.queue.retrying, self.held) == (0, 0, 0)


def _identity(step: RecentStep) -> tuple[str, str, int, datetime]:
    return step.event_id, step.step, step.attempt, step.at
