"""The light: what may be said of the tracked orders, and nothing beyond that.

Each order was looked for, by its id, in the inbox of each service. Whether the far ends, the
mail server and the gateway, have each effect once and not twice is what `orderctl audit` checks.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.dashboard.snapshot import StatusLight
from services.dashboard.tracked_orders import TrackedOrders

#: An order that nobody has, for so long, while nothing moves, is missing.
QUIET_SECONDS = 6.0
#: What is older than that is no base for a verdict.
STALE_SECONDS = 10.0


@dataclass(frozen=True)
class Standing:
    """One service at one moment. `idle`: its queue, its rungs, its hands and the outbox are empty.
    `inbox_age`: seconds since its inbox was last asked about open orders; None for never.
    """

    idle: bool
    inbox_age: float | None


class Judge:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._idle_since: dict[str, float] = {}

    def judge(
        self, tracked: TrackedOrders, standings: Mapping[str, Standing], orders_age: float | None
    ) -> StatusLight:
        missing = {name: self._missing(tracked, name, each) for name, each in standings.items()}
        ages = {"order": orders_age, **{name: each.inbox_age for name, each in standings.items()}}
        unknown = tuple(name for name, age in ages.items() if age is None or age > STALE_SECONDS)
        known = [age for age in ages.values() if age is not None]
        given_up = sum(tracked.given_up(name) for name in standings)
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

    def _missing(self, tracked: TrackedOrders, name: str, standing: Standing) -> int:
        """How many orders a service that has long been idle has not done."""
        waiting = tracked.waiting(name)
        if not standing.idle or not waiting:
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
