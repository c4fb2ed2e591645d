"""An order's journey as tables."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderctl.output import command, printable, seconds, table
from shared.activity.shapes import APPLIED, DEAD_LETTERED, Stop
from shared.openapi.fields import Time

#: The outbox state of a synchronous order.
NEVER = "none"
SET_ASIDE = "set_aside"


class Stage(msgspec.Struct, frozen=True, rename="camel"):
    """A call made for a synchronous order; times are in seconds."""

    stage: str
    outcome: str
    started_seconds: float
    seconds: float
    reason: str | None = None


class Journey(msgspec.Struct, frozen=True, rename="camel"):
    """The order service's response to GET /orders/ID/journey."""

    order_id: str
    event_id: str
    placed_at: Time
    outbox: str
    services: Mapping[str, Stop]
    status: str = "accepted"
    mode: str = "async"
    stages: tuple[Stage, ...] = ()
    outbox_reason: str | None = None


def print_journey(journey: Journey, screen: Console) -> None:
    placed = f"{_one_line(journey.order_id)} was placed at {_clock(journey.placed_at)}"
    screen.print(Text(f"{placed}; its event {_one_line(journey.event_id)} {_where(journey)}."))
    if journey.outbox == NEVER:
        screen.print(Text(f"In mode {_one_line(journey.mode)} it is {_one_line(journey.status)}."))
        screen.print(_stages(journey))
    screen.print(_stops(journey))
    if any(stop.history for stop in journey.services.values()):
        screen.print(Text("\nEarlier steps:"))
        screen.print(_steps(journey))
    for hint in _hints(journey):
        screen.print(Text(hint), soft_wrap=True)


def _where(journey: Journey) -> str:
    known = {
        "waiting": "is in the outbox",
        SET_ASIDE: "was set aside in the outbox",
        NEVER: "is never published",
    }
    return known.get(journey.outbox, "is published")


def _stages(journey: Journey) -> Table:
    made = table("called", "outcome", "after", "took", "reason", numbers=("after", "took"))
    for stage in journey.stages:
        made.add_row(
            _one_line(stage.stage),
            _one_line(stage.outcome.replace("_", "-")),
            seconds(stage.started_seconds),
            seconds(stage.seconds),
            _one_line(stage.reason or ""),
        )
    return made


def _stops(journey: Journey) -> Table:
    made = table("service", "state", "attempts", "when", "took", "next attempt", "reason")
    for name, stop in journey.services.items():
        made.add_row(
            _one_line(name),
            _one_line(stop.state.replace("_", "-")),
            str(stop.attempts),
            _when(stop.at, journey.placed_at),
            _took(stop),
            _when(stop.next_at, journey.placed_at),
            _one_line(stop.reason or ""),
        )
    return made


def _steps(journey: Journey) -> Table:
    made = table("when", "service", "step", "attempt", "reason")
    steps = [(step, name) for name, stop in journey.services.items() for step in stop.history]
    for step, name in sorted(steps, key=lambda pair: pair[0].at):
        made.add_row(
            _when(step.at, journey.placed_at),
            _one_line(name),
            _one_line(step.step.replace("_", "-")),
            str(step.attempt),
            _one_line(step.reason),
        )
    return made


def _hints(journey: Journey) -> Iterator[str]:
    if journey.outbox == SET_ASIDE:
        yield (
            f"The event cannot be published: {_one_line(journey.outbox_reason or '')}. Repair its "
            "row in the table outbox, and set its column set_aside to NULL: the README of the "
            "order service shows how."
        )
    for name, stop in journey.services.items():
        if stop.state == DEAD_LETTERED:
            words = command(f"dlq show {name} {shlex.quote(str(journey.event_id))}")
            yield f"To show the dead letter: {_one_line(words)}"


def _when(at: datetime | None, placed: datetime) -> str:
    """The time, absolute and relative to when the order was placed."""
    if at is None:
        return ""
    since = (at - placed).total_seconds()
    # Clocks of two machines may differ, so a step can seem to precede the order.
    return f"{_clock(at)} ({'-' if since < 0 else '+'}{seconds(abs(since))})"


def _took(stop: Stop) -> str:
    """The duration of the attempt that applied it."""
    if stop.state != APPLIED or stop.at is None or stop.started_at is None:
        return ""
    return seconds((stop.at - stop.started_at).total_seconds())


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
