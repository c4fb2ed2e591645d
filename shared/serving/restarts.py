"""Longer waits between the lives of a process whose consumer or relay dies again and again.

Counted in gunicorn's master, which outlives its workers: a fork inherits the count. Each death
returns everything that a consumer had in hand, and that must not go on at full speed.
"""

import time
from collections.abc import Callable
from threading import Timer
from typing import Protocol

import structlog

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
#: A worker that lived for so long is not one of a row of deaths.
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
        """A worker is about to be forked; the last one, if there was any, is dead."""
        lived, self._began = self._clock() - self._began, self._clock()
        self._deaths = self._deaths + 1 if lived < GOOD_LIFE_SECONDS else 0

    @property
    def pause(self) -> float:
        """Seconds that this worker waits before it begins."""
        if not self._deaths:
            return 0.0
        # Bounded before it is a power: a count of deaths has no bound.
        doublings = min(self._deaths - 1, 10)
        return min(FIRST_PAUSE_SECONDS * 2.0**doublings, LONGEST_PAUSE_SECONDS)


class Later:
    """Starts something after a pause, unless it is stopped before that."""

    def __init__(self, background: Part, pause: float) -> None:
        self._background = background
        self._pause = pause
        self._timer: Timer | None = None

    def start(self, on_death: Callable[[], None]) -> None:
        if not self._pause:
            self._background.start(on_death)
            return
        log.warning("process.waiting", seconds=self._pause, reason="the last one died")
        self._timer = Timer(self._pause, self._background.start, (on_death,))
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._background.stop()
