"""Counts the waiting events with a timeout, for callers that cannot wait for a slow database."""

import threading
from collections.abc import Callable

from services.order.outbox import Backlog
from shared.errors import DatabaseUnavailable

#: Health checks time out after a few seconds, Prometheus scrapes after ten.
PATIENCE = 2.0


class BacklogWatch:
    """Counts in a separate thread; concurrent callers share one count."""

    def __init__(self, count: Callable[[], Backlog], *, patience: float = PATIENCE) -> None:
        self._count = count
        self._patience = patience
        self._lock = threading.Lock()
        self._counting: _Counting | None = None

    def backlog(self) -> Backlog:
        """The backlog, or DatabaseUnavailable, after at most `patience` seconds."""
        counting = self._start_or_join()
        if not counting.over.wait(self._patience):
            raise DatabaseUnavailable(f"no response within {self._patience:g} s")
        if counting.error:
            raise counting.error
        return counting.found

    def _start_or_join(self) -> "_Counting":
        with self._lock:
            if self._counting is None or self._counting.over.is_set():
                self._counting = _Counting(self._count)
                # A daemon, so that the process can exit while the database does not respond.
                threading.Thread(target=self._counting.run, name="backlog", daemon=True).start()
            return self._counting


class _Counting:
    def __init__(self, count: Callable[[], Backlog]) -> None:
        self._count = count
        self.over = threading.Event()
        self.found = Backlog(0, None)
        self.error: DatabaseUnavailable | None = None

    def run(self) -> None:
        self.error = DatabaseUnavailable("the count failed")
        try:
            self.found, self.error = self._count(), None
        except DatabaseUnavailable as error:
            self.error = error
        finally:
            self.over.set()
