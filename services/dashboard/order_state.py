"""The state of the order service: the newest orders, and which have left the outbox."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import msgspec

from services.dashboard.polled import Polled
from services.dashboard.snapshot import MOST_MOVES, OrderMove, OrderSide, Outbox, Ready
from services.dashboard.tracked_orders import TrackedOrder, TrackedOrders
from services.dashboard.watched_service import WatchedService
from shared.activity.shapes import RATE_SECONDS
from shared.faults.shapes import ActiveFaults

#: Orders per page, and maximum pages per poll.
PAGE = 200
MOST_PAGES = 50


class _Page(msgspec.Struct):
    orders: list[TrackedOrder]
    next: str | None = None


class OrderServiceState:
    def __init__(
        self, service: WatchedService, tracked: TrackedOrders, now: Callable[[], datetime]
    ) -> None:
        self._service = service
        self._tracked = tracked
        self._now = now
        self.orders = Polled(self._new_orders)
        self.outbox = Polled(lambda: service.get("/outbox", Outbox))
        self._ready = Polled(lambda: service.get("/health/ready", Ready, also=503))
        self._faults = Polled(lambda: service.get("/faults", ActiveFaults))
        self.sources: Sequence[Polled[Any]] = (self.orders, self.outbox, self._ready, self._faults)

    def refresh(self, threads: ThreadPoolExecutor) -> None:
        for source in self.sources:
            source.refresh(threads)

    def _new_orders(self) -> list[TrackedOrder]:
        """Orders, newest first, page by page until a known order appears."""
        orders: list[TrackedOrder] = []
        query: dict[str, str | int] = {"limit": PAGE}
        for _ in range(MOST_PAGES):
            page = self._service.get("/orders", _Page, query)
            orders += page.orders
            if page.next is None or any(self._tracked.knows(o.order_id) for o in page.orders):
                break
            query = {"limit": PAGE, "cursor": page.next}
        return orders

    def moves(self) -> Iterable[OrderMove]:
        """Process the responses; yield orders placed or published since the previous ones."""
        self._ready.collect()
        self._faults.collect()
        is_first = self.orders.value is None
        if self.orders.collect():
            new = [o for o in self._tracked.add(self.orders.value or []) if o.is_accepted]
            yield from (OrderMove("placed", o.order_id) for o in new[-MOST_MOVES:] if not is_first)
        if self.outbox.collect() and self.outbox.value:
            gone = self._tracked.published(self._left_before(self.outbox.value))
            yield from (OrderMove("published", each) for each in gone[-MOST_MOVES:] if not is_first)

    def _left_before(self, outbox: Outbox) -> datetime:
        """Orders placed before this time have left the outbox.

        The time of its oldest row, or of the request if the outbox was empty.
        """
        requested_at = self._now() - timedelta(seconds=self.outbox.age or 0.0)
        return requested_at - timedelta(seconds=outbox.oldest_age_seconds or 0.0)

    def side(self) -> OrderSide:
        ready, faults = self._ready.value, self._faults.value
        return OrderSide(
            age=self._ready.age,
            reason=self._ready.reason or (ready.reason if ready else None),
            faults_allowed=self._faults.reason is None and faults is not None,
            faults=faults.faults if faults else (),
            outbox=self.outbox.value,
            outbox_age=self.outbox.age,
            per_second=self._placed_per_second(),
        )

    def _placed_per_second(self) -> float:
        since = self._now() - timedelta(seconds=RATE_SECONDS)
        newest_first = reversed(self._tracked.orders.values())
        return sum(1 for _ in takewhile(lambda o: o.placed_at > since, newest_first)) / RATE_SECONDS
