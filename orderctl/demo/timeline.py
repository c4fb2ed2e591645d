"""The time from each order's response to each of its effects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orderctl.audit.effect_times import DoneAt
from orderctl.place.order_client import Placed


@dataclass(frozen=True)
class TimelineRow:
    """An order; `seconds` from its response to the effect, by service that has applied one."""

    placed: Placed
    seconds: Mapping[str, float] = field(default_factory=dict)


def timeline(orders: Sequence[Placed], done: Mapping[str, DoneAt]) -> tuple[TimelineRow, ...]:
    """One row per order; `done` is by service."""
    return tuple(TimelineRow(placed, dict(_seconds(placed, done))) for placed in orders)


def _seconds(placed: Placed, done: Mapping[str, DoneAt]) -> Iterator[tuple[str, float]]:
    for service, at in done.items():
        if placed.order_id in at:
            # A fast service may be done before the client has read the response.
            yield service, max(0.0, (at[placed.order_id] - placed.answered_at).total_seconds())
