"""Something that is asked again and again, by one thread at a time; the last answer is kept."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from services.dashboard.watched_service import NoAnswer

T = TypeVar("T")


class Polled(Generic[T]):
    """`every`: so many seconds pass, at least, from one question to the next."""

    def __init__(
        self,
        ask: Callable[[], T],
        *,
        every: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._every = every
        self._clock = clock
        self._asking: Future[T] | None = None
        self._asked_at = float("-inf")
        #: The last answer, and when it had been asked for; None before the first.
        self.value: T | None = None
        self.value_at = float("-inf")
        #: Why the last question had no answer; None when it had one.
        self.reason: str | None = None

    def refresh(self, threads: ThreadPoolExecutor) -> None:
        """Ask, unless that is going on already or was done a moment ago."""
        is_due = self._clock() - self._asked_at >= self._every
        if self._asking is None and is_due:
            self._asked_at = self._clock()
            self._asking = threads.submit(self._ask)

    @property
    def asking(self) -> "Future[T] | None":
        return self._asking

    def collect(self) -> bool:
        """Take in what was answered since; True when that is something new."""
        if self._asking is None or not self._asking.done():
            return False
        asked, self._asking = self._asking, None
        try:
            self.value = asked.result()
        except NoAnswer as error:
            self.reason = str(error)
            return False
        self.value_at, self.reason = self._asked_at, None
        return True

    @property
    def age(self) -> float | None:
        """Seconds since the last answer was asked for; None when there never was one."""
        return None if self.value is None else max(0.0, self._clock() - self.value_at)
