"""Shows progress: a changing line on a terminal, separate short lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from orderctl.output import on_stderr

#: Often enough to show in a log that the command is alive, without every step.
SECONDS_BETWEEN_LINES = 5.0

#: Shows the current activity; called whenever it changes.
Tell = Callable[[str], None]


def silent(_text: str) -> None:
    """For callers that want no progress."""


@contextmanager
def progress(*, interval: float = SECONDS_BETWEEN_LINES) -> Iterator[Tell]:
    """Progress on standard error; a terminal line is removed at the end."""
    if not sys.stderr.isatty():
        yield Lines(print_to_stderr, interval=interval)
        return
    with on_stderr().status("") as status:
        yield status.update


def print_to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Lines:
    """Prints the latest text if it is new, at most once per `interval` seconds."""

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
        #: Work that ends before this time prints no line.
        self._next = clock() + interval

    def __call__(self, text: str) -> None:
        self._latest = text
        if self._clock() >= self._next:
            self.finish()

    def finish(self) -> None:
        """Print the latest text unless it has been printed."""
        if self._latest != self._printed:
            self._write(self._latest)
            self._printed, self._next = self._latest, self._clock() + self._interval
