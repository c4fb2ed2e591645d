"""A circuit breaker that waits: it opens when a dependency is down and closes when it is back up.

While it is open, work waits instead of failing, so that no delivery uses up an attempt.
"""

import threading
from collections.abc import Callable
from types import TracebackType

from shared.errors import DependencyUnavailable

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0
#: The longest `Retry-After` that is obeyed: far less than the 30 minutes after which RabbitMQ
#: takes unacknowledged deliveries back.
LONGEST_ASKED_SECONDS = 300.0


class CircuitBreaker:
    """Runs all work at once while closed; while open, probes with one piece at growing intervals.

    A probe (half-open) is real work, not a ping: a mail server that answers a ping and refuses
    mail is not back up. Waiting pieces take turns, so that a single piece for which a healthy
    dependency reports "unavailable" does not keep the others from closing the circuit.
    """

    def __init__(self, stopped: threading.Event | None = None) -> None:
        """`stopped`: the event that `stop` sets."""
        self.reason: str | None = None
        self._closed = threading.Event()
        self._closed.set()
        self._stopped = stopped or threading.Event()
        self._turns = _Turns()
        self._wait = FIRST_WAIT_SECONDS
        self._asked = 0.0

    def stop(self) -> None:
        """End every wait; waiting work returns without having run."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def run(self, work: Callable[[], None]) -> None:
        """Do a piece of work; wait for a turn first while the circuit is open.

        DependencyUnavailable from the work opens the circuit. A probe that ends in any other way
        closes it. Returns without having done the work when `stop` is called during the wait.
        """
        if not self._closed.is_set():
            with self._turns:
                if not self._closed.is_set():
                    self._probe(work)
                    return
        # Closed, perhaps while this piece waited for its turn: work runs concurrently again.
        if not self.stopped:
            self._attempt(work)

    def _probe(self, work: Callable[[], None]) -> None:
        self._stopped.wait(max(self._wait, self._asked))
        if self.stopped:
            return
        try:
            work()
        except DependencyUnavailable as error:
            self._wait = min(self._wait * 2, LONGEST_WAIT_SECONDS)
            self._trip(error)
            raise
        except BaseException:
            # Another error is no evidence that the dependency is down, and this piece of work
            # will not probe again.
            self._close()
            raise
        self._close()

    def _attempt(self, work: Callable[[], None]) -> None:
        """Do the work. Its success does not close a circuit that was opened meanwhile: the call
        may have reached the dependency before the outage began.
        """
        try:
            work()
        except DependencyUnavailable as error:
            self._trip(error)
            raise

    def _trip(self, error: DependencyUnavailable) -> None:
        self.reason = str(error)
        self._asked = min(error.retry_after or 0.0, LONGEST_ASKED_SECONDS)
        self._closed.clear()

    def _close(self) -> None:
        self.reason = None
        self._wait = FIRST_WAIT_SECONDS
        self._closed.set()


class _Turns:
    """A fair lock: threads get it in the order in which they asked. Python's own is not fair."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._last = 0
        self._now = 1

    def __enter__(self) -> None:
        with self._changed:
            self._last += 1
            mine = self._last
            self._changed.wait_for(lambda: self._now == mine)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._now += 1
            self._changed.notify_all()
