"""Polls every service and builds the snapshot that browsers receive."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec

from services.dashboard.consumer_state import ConsumerState
from services.dashboard.lanes import Lane
from services.dashboard.light import Judge, ServiceStatus
from services.dashboard.order_state import OrderServiceState
from services.dashboard.polled import Polled
from services.dashboard.snapshot import (
    LISTED,
    MOST_MOVES,
    OrderMove,
    Ready,
    RelaySide,
    ServiceSide,
    Snapshot,
    listed,
)
from services.dashboard.tracked_orders import TrackedOrders
from services.dashboard.watched_service import WatchedService
from shared.activity.shapes import APPLIED

#: Seconds to wait for the responses of one poll.
RESPONSES_WITHIN = 0.4


class SystemState:
    """Brought up to date by `poll`."""

    def __init__(
        self,
        order: WatchedService,
        relay: WatchedService,
        consumers: Sequence[WatchedService],
        lanes: Mapping[str, Lane],
        ladder: Sequence[float],
        *,
        latecomers: Sequence[WatchedService] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._lanes = lanes
        self._ladder = tuple(ladder)
        self._tracked = TrackedOrders([each.name for each in consumers])
        self._judge = Judge()
        self._order = OrderServiceState(order, self._tracked, now)
        self._relay = Polled(lambda: relay.get("/health/ready", Ready, also=503))
        followed = {each.name: ConsumerState(each, self._tracked) for each in consumers}
        others = {each.name: ConsumerState(each, None) for each in latecomers}
        self._consumers = followed | others

    def poll(self, threads: ThreadPoolExecutor) -> Snapshot:
        """Send requests, wait briefly, and return a snapshot of the responses so far."""
        self._order.refresh(threads)
        self._relay.refresh(threads)
        for watch in self._consumers.values():
            watch.refresh(threads)
        wait([source.pending for source in self._sources() if source.pending], RESPONSES_WITHIN)
        self._relay.collect()
        return self._snapshot(tuple(self._moves()))

    def _sources(self) -> Iterable[Polled[Any]]:
        yield from (self._relay, *self._order.sources)
        for each in self._consumers.values():
            yield from (each.activity, each.inbox)

    def _moves(self) -> Iterable[OrderMove]:
        yield from self._order.moves()
        for name, watch in self._consumers.items():
            steps = watch.new_steps()
            for kind in {step.step for step in steps}:
                newest = [step for step in steps if step.step == kind][-MOST_MOVES:]
                yield from (self._move(kind, step.order_id, name) for step in newest)

    def _move(self, kind: str, order_id: str, service: str) -> OrderMove:
        is_called = kind == APPLIED and self._tracked.is_synchronous(order_id)
        return OrderMove("called" if is_called else kind, order_id, service)

    def _snapshot(self, moves: tuple[OrderMove, ...]) -> Snapshot:
        consumers = {name: each for name, each in self._consumers.items() if each.is_known}
        followed = {name: each for name, each in consumers.items() if each.is_followed}
        statuses = {name: self._status(each) for name, each in followed.items()}
        newest = islice(reversed(self._tracked.orders.values()), LISTED)
        return Snapshot(
            at=self._now(),
            ladder=self._ladder,
            order=self._order.side(),
            relay=_relay_side(self._relay),
            services={name: self._side(each) for name, each in consumers.items()},
            lanes={name: lane.state() for name, lane in self._lanes.items()},
            verdict=self._judge.judge(self._tracked, statuses, self._order.orders.age),
            orders=tuple(listed(o, self._tracked.missing_at(o.order_id)) for o in newest),
            moves=moves,
        )

    def _side(self, watch: ConsumerState) -> ServiceSide:
        oldest = self._tracked.oldest(watch.name) if watch.is_checked else None
        activity = watch.activity.value
        return ServiceSide(
            age=watch.activity.age,
            unreachable=watch.activity.reason,
            told=activity and msgspec.structs.replace(activity, steps=()),
            processes=watch.processes,
            held=watch.held,
            ready=self._in_queue(watch),
            waiting=len(self._tracked.waiting(watch.name)) if watch.is_checked else None,
            given_up=self._tracked.given_up(watch.name) if watch.is_checked else None,
            oldest_seconds=None if oldest is None else self._seconds_since(oldest),
        )

    def _in_queue(self, watch: ConsumerState) -> int | None:
        """Number of messages waiting in its queue.

        RabbitMQ does not count unacknowledged messages, and a paused consumer keeps its full
        prefetch. While it is paused, their number is derived from the open orders.
        """
        activity, outbox = watch.activity.value, self._order.outbox.value
        if (
            watch.ready is None
            or not activity
            or not activity.queue
            or not activity.reason
            or not outbox
        ):
            return watch.ready
        if activity.queue.counts_held or not watch.is_checked:
            return watch.ready
        elsewhere = watch.held + activity.queue.retrying + outbox.pending
        return max(watch.ready, len(self._tracked.waiting(watch.name)) - elsewhere)

    def _seconds_since(self, at: datetime) -> float:
        return max(0.0, (self._now() - at).total_seconds())

    def _status(self, watch: ConsumerState) -> ServiceStatus:
        outbox = self._order.outbox
        is_empty = outbox.reason is None and outbox.value is not None and not outbox.value.pending
        return ServiceStatus(is_empty and watch.is_idle, watch.inbox.age)


def _relay_side(source: Polled[Ready]) -> RelaySide:
    ready = source.value
    return RelaySide(source.age, source.reason or (ready.reason if ready else None))
