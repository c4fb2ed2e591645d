"""Tells what is going on: a line that changes on a terminal, short lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from orderctl.output import on_stderr

#: Somebody who reads a log wants to see life, not every step.
SECONDS_BETWEEN_LINES = 5.0

#: Shows what is going on now; called as often as anything changes.
Tell = Callable[[str], None]


def silent(_text: str) -> None:
    """For callers that want no progress at all."""


@contextmanager
def progress(*, interval: float = SECONDS_BETWEEN_LINES) -> Iterator[Tell]:
    """Progress on standard error, gone at the end where that is a terminal."""
    if not sys.stderr.isatty():
        yield Lines(print_to_stderr, interval=interval)
        return
    with on_stderr().status("") as status:
        yield status.update


def print_to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Lines:
    """Prints what it is told when it is new, and no more often than every `interval` seconds."""

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        interval: float = SECONDS_BETWEEN_LINES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._interval = interval
        self._clock = clock
        self._latest = self._printed = ""
        #: What ends sooner than this needs no line.
        self._next = clock() + interval

    def __call__(self, text: str) -> None:
        self._latest = text
        if self._clock() >= self._next:
            self.finish()

    def finish(self) -> None:
        """Print the latest, unless that has been done."""
        if self._latest != self._printed:
            self._write(self._latest)
            self._printed, self._next = self._latest, self._clock() + self._interval
