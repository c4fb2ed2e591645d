"""How much waits in the outbox, for those who cannot wait for a database that does not answer."""

import threading
from collections.abc import Callable

from services.order.outbox import Backlog
from shared.errors import DatabaseUnavailable

#: A health check is given a few seconds, a scrape of the metrics ten by Prometheus.
PATIENCE = 2.0


class BacklogWatch:
    """Counts in a thread of its own; everybody who asks meanwhile waits for the same count."""

    def __init__(self, count: Callable[[], Backlog], *, patience: float = PATIENCE) -> None:
        self._count = count
        self._patience = patience
        self._lock = threading.Lock()
        self._counting: _Counting | None = None

    def backlog(self) -> Backlog:
        """Raises DatabaseUnavailable, in any case within `patience` seconds."""
        counting = self._begun()
        if not counting.over.wait(self._patience):
            raise DatabaseUnavailable(f"no answer within {self._patience:g} s")
        if counting.error:
            raise counting.error
        return counting.found

    def _begun(self) -> "_Counting":
        with self._lock:
            if self._counting is None or self._counting.over.is_set():
                self._counting = _Counting(self._count)
                # A daemon: the end of the process does not wait for the database.
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
