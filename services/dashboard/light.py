"""Computes the light: the overall state of the tracked orders.

It relies on the inbox of each service, queried by order id. `orderctl audit` also checks that the
mail server and the gateway have each effect exactly once.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.dashboard.snapshot import StatusLight
from services.dashboard.tracked_orders import TrackedOrders

#: Seconds of idleness after which an unprocessed order counts as missing.
QUIET_SECONDS = 6.0
#: Seconds after which data is too old for a verdict.
STALE_SECONDS = 10.0


@dataclass(frozen=True)
class ServiceStatus:
    """The status of one service.

    `idle`: no event in the outbox, its queue or its retries, and no delivery in flight.
    `inbox_age`: seconds since its inbox was queried about open orders; None if it never was.
    """

    idle: bool
    inbox_age: float | None


class Judge:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._idle_since: dict[str, float] = {}

    def judge(
        self,
        tracked: TrackedOrders,
        statuses: Mapping[str, ServiceStatus],
        orders_age: float | None,
    ) -> StatusLight:
        missing = {name: self._missing(tracked, name, each) for name, each in statuses.items()}
        ages = {"order": orders_age, **{name: each.inbox_age for name, each in statuses.items()}}
        unknown = tuple(name for name, age in ages.items() if age is None or age > STALE_SECONDS)
        known = [age for age in ages.values() if age is not None]
        given_up = sum(tracked.given_up(name) for name in statuses)
        accepted, done = tracked.accepted, tracked.done
        return StatusLight(
            light=_light(unknown, missing, given_up, is_done=done == accepted),
            orders=accepted,
            done=done,
            given_up=given_up,
            missing={name: number for name, number in missing.items() if number},
            unknown=unknown,
            by_calls=len(tracked.orders) - accepted,
            checked_seconds_ago=max(known, default=None),
            oldest_placed_at=next((each.placed_at for each in tracked.orders.values()), None),
        )

    def _missing(self, tracked: TrackedOrders, name: str, status: ServiceStatus) -> int:
        """The number of orders that a service has not processed, although it has long been idle."""
        waiting = tracked.waiting(name)
        if not status.idle or not waiting:
            self._idle_since.pop(name, None)
            return 0
        since = self._idle_since.setdefault(name, self._clock())
        return len(waiting) if self._clock() - since >= QUIET_SECONDS else 0


def _light(
    unknown: tuple[str, ...], missing: Mapping[str, int], given_up: int, *, is_done: bool
) -> str:
    if any(missing.values()):
        return "missing"
    if unknown:
        return "unknown"
    if given_up:
        return "attention"
    return "done" if is_done else "working"
