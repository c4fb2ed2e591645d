"""Keeps the demo running after its orders, and restarts parts that end."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from orderctl.progress import Tell
from orderctl.stack.stack import Stack

POLL_SECONDS = 0.5
#: Long enough to place an order and to see it wait.
RESTART_SECONDS = 15.0


def keep_running(stack: Stack, say: Tell) -> None:
    """Restart parts that end, until Ctrl-C."""
    restarts = PartRestarts(stack.start, say)
    with suppress(KeyboardInterrupt):
        while True:
            restarts.check(set(stack.urls) - set(stack.running))
            time.sleep(POLL_SECONDS)
    say("")


class PartRestarts:
    """Restarts an ended part after a delay, in which to watch the others continue."""

    def __init__(
        self,
        start: Callable[[str], object],
        say: Tell,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._say = say
        self._clock = clock
        self._due: dict[str, float] = {}

    def check(self, ended: Iterable[str]) -> None:
        for name in ended:
            if name not in self._due:
                self._due[name] = self._clock() + RESTART_SECONDS
                self._say(f"{name} has ended and restarts in {RESTART_SECONDS:g} s.")
            elif self._clock() >= self._due[name]:
                del self._due[name]
                self._start(name)
                self._say(f"{name} is restarting.")
