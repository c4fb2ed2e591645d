"""Growing pauses before the restarts of a process whose consumer or relay crashes repeatedly.

gunicorn's master counts the crashes, since it outlives its workers and a fork inherits the count.
Each crash returns all messages in flight to the broker, so restarts must not be immediate.
"""

import time
from collections.abc import Callable
from threading import Timer
from typing import Protocol

import structlog

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
#: A worker that lived this long ends a series of crashes.
GOOD_LIFE_SECONDS = 120.0


class Part(Protocol):
    def start(self, on_death: Callable[[], None]) -> None: ...
    def stop(self) -> None: ...


class Restarts:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = float("-inf")
        self._deaths = 0

    def note(self) -> None:
        """A worker is about to be forked; the last one, if any, has ended."""
        lived, self._began = self._clock() - self._began, self._clock()
        self._deaths = self._deaths + 1 if lived < GOOD_LIFE_SECONDS else 0

    @property
    def pause(self) -> float:
        """Seconds that this worker waits before it starts."""
        if not self._deaths:
            return 0.0
        # Bound the exponent: the number of crashes is unbounded.
        doublings = min(self._deaths - 1, 10)
        return min(FIRST_PAUSE_SECONDS * 2.0**doublings, LONGEST_PAUSE_SECONDS)


class Later:
    """Starts a background part after a pause, unless it is stopped before."""

    def __init__(self, background: Part, pause: float) -> None:
        self._background = background
        self._pause = pause
        self._timer: Timer | None = None

    def start(self, on_death: Callable[[], None]) -> None:
        if not self._pause:
            self._background.start(on_death)
            return
        log.warning("process.waiting", seconds=self._pause, reason="the last worker crashed")
        self._timer = Timer(self._pause, self._background.start, (on_death,))
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._background.stop()
