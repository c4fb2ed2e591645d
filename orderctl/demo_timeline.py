"""When each effect of each order was done, counted from the order's answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from orderctl.audit_pages import Witness
from orderctl.order_client import Placed

#: A line of /effects that has a state is an effect only when it is done.
DONE = "done"


class _Line(msgspec.Struct, rename="camel"):
    order_id: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    state: str = DONE


#: By order id, when the last of a service's effects for it was done.
DoneAt = Mapping[str, datetime]


@dataclass(frozen=True)
class Row:
    """An order; `seconds` from its answer to the effect, by service, where that was done."""

    placed: Placed
    seconds: Mapping[str, float] = field(default_factory=dict)


def read_done(service: Witness) -> DoneAt:
    """What a service has done so far. Raises EvidenceUnreadable."""
    done: dict[str, datetime] = {}
    for line in service.lines("/effects", _Line):
        if line.state == DONE:
            at = line.at.astimezone(UTC)
            done[line.order_id] = max(at, done.get(line.order_id, at))
    return done


def timeline(orders: Sequence[Placed], done: Mapping[str, DoneAt]) -> tuple[Row, ...]:
    """A row an order; `done` is by service."""
    return tuple(Row(placed, dict(_seconds(placed, done))) for placed in orders)


def _seconds(placed: Placed, done: Mapping[str, DoneAt]) -> Iterator[tuple[str, float]]:
    for service, at in done.items():
        if placed.order_id in at:
            # A fast service may be done before the client has read its answer.
            yield service, max(0.0, (at[placed.order_id] - placed.answered_at).total_seconds())
