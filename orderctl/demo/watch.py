"""Watches the services until every order is done or progress stops."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from orderctl.audit.effect_times import DoneAt
from orderctl.output import on_stderr
from orderctl.progress import Lines, print_to_stderr

POLL_SECONDS = 0.25
#: Watching ends after this long without a single new effect.
STALL_SECONDS = 20.0
#: Without a terminal, progress is one line per interval.
SECONDS_BETWEEN_LINES = 2.0

#: Shows how many orders each service has done.
Show = Callable[[Mapping[str, int]], None]


def watch(
    read: Callable[[], Mapping[str, DoneAt]],
    orders: int,
    show: Show,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Mapping[str, DoneAt]:
    """Every service's effects, once all orders are done or STALL_SECONDS have passed without one.

    `show` is called after each read with the number of orders done, by service.
    """
    before: dict[str, int] = {}
    changed = clock()
    while True:
        done = read()
        counts = {service: len(at) for service, at in done.items()}
        show(counts)
        if counts != before:
            before, changed = counts, clock()
        if min(counts.values()) >= orders or clock() - changed > STALL_SECONDS:
            return done
        sleep(POLL_SECONDS)


@contextmanager
def shown(orders: int) -> Iterator[Show]:
    """One bar per service on a terminal, short lines elsewhere."""
    if sys.stderr.isatty():
        with _bars() as bars:
            yield _Bars(bars, orders)
    else:
        lines = Lines(print_to_stderr, interval=SECONDS_BETWEEN_LINES)
        yield lambda counts: lines(_line(counts, orders))
        lines.finish()


def _bars() -> Progress:
    columns = (
        TextColumn("  {task.description:<10}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=on_stderr())


class _Bars:
    def __init__(self, progress: Progress, orders: int) -> None:
        self._progress = progress
        self._orders = orders
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, counts: Mapping[str, int]) -> None:
        for service, number in counts.items():
            if service not in self._tasks:
                self._tasks[service] = self._progress.add_task(service, total=self._orders)
            self._progress.update(self._tasks[service], completed=number)


def _line(counts: Mapping[str, int], orders: int) -> str:
    done = ", ".join(f"{service} {number}" for service, number in counts.items())
    return f"done, out of {orders}: {done}"
