"""A value that is fetched repeatedly, one request at a time; the last response is kept."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from services.dashboard.watched_service import NoResponse

T = TypeVar("T")


class Polled(Generic[T]):
    """`every`: minimum number of seconds between two requests."""

    def __init__(
        self,
        fetch: Callable[[], T],
        *,
        every: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._every = every
        self._clock = clock
        self._pending: Future[T] | None = None
        self._requested_at = float("-inf")
        #: The last response, None before the first, and the time of its request.
        self.value: T | None = None
        self.value_at = float("-inf")
        #: Why the last request failed; None if it succeeded.
        self.reason: str | None = None

    def refresh(self, threads: ThreadPoolExecutor) -> None:
        """Send a request, unless one is pending or the last was less than `every` ago."""
        is_due = self._clock() - self._requested_at >= self._every
        if self._pending is None and is_due:
            self._requested_at = self._clock()
            self._pending = threads.submit(self._fetch)

    @property
    def pending(self) -> "Future[T] | None":
        return self._pending

    def collect(self) -> bool:
        """Process the response, if any; True if there is a new value."""
        if self._pending is None or not self._pending.done():
            return False
        finished, self._pending = self._pending, None
        try:
            self.value = finished.result()
        except NoResponse as error:
            self.reason = str(error)
            return False
        self.value_at, self.reason = self._requested_at, None
        return True

    @property
    def age(self) -> float | None:
        """Seconds since the request for the last response; None if there was none."""
        return None if self.value is None else max(0.0, self._clock() - self.value_at)
