"""A circuit breaker: opens when something that the work needs is away, and closes when it is back.

It does not fail what comes meanwhile: work waits, so that no delivery loses an attempt.
"""

import threading
from collections.abc import Callable
from types import TracebackType

from shared.errors import DependencyUnavailable

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0
#: So long it waits when it is asked to (`Retry-After`): far less than the half hour after which
#: RabbitMQ takes back what a consumer holds.
LONGEST_ASKED_SECONDS = 300.0


class CircuitBreaker:
    """Lets all work pass while it is closed, and one piece at a time, ever more slowly, while open.

    What passes then (it is half-open) is real work, not a ping: a mail server that answers a
    ping and refuses mail is not back. Those that wait take turns, so that one piece which alone
    makes a healthy dependency say "unavailable" does not keep the others from closing it.
    """

    def __init__(self, left: threading.Event | None = None) -> None:
        """`left` is set once nobody waits here any more."""
        self.reason: str | None = None
        self._closed = threading.Event()
        self._closed.set()
        self._left = left or threading.Event()
        self._turns = _Turns()
        self._wait = FIRST_WAIT_SECONDS
        self._asked = 0.0

    def leave(self) -> None:
        """Stop: nobody waits here any more."""
        self._left.set()

    @property
    def left(self) -> bool:
        return self._left.is_set()

    def run(self, work: Callable[[], None]) -> None:
        """Do a piece of work. DependencyUnavailable from it opens the circuit, its end closes it.

        Returns without having done it when `leave` is called while it waits.
        """
        if not self._closed.is_set():
            with self._turns:
                if not self._closed.is_set():
                    self._probe(work)
                    return
        # Closed, or closed while this waited for its turn: from here on side by side again.
        if not self.left:
            self._attempt(work)

    def _probe(self, work: Callable[[], None]) -> None:
        self._left.wait(max(self._wait, self._asked))
        if self.left:
            return
        try:
            work()
        except DependencyUnavailable as error:
            self._wait = min(self._wait * 2, LONGEST_WAIT_SECONDS)
            self._trip(error)
            raise
        except BaseException:
            # Another error says nothing against the dependency, and the work that would have
            # tried it again is over.
            self._close()
            raise
        self._close()

    def _attempt(self, work: Callable[[], None]) -> None:
        """What begins here may end well after the circuit was opened. That does not close it: it
        may have passed before the outage began.
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
    """A lock that is given in the order in which it was asked for; Python's own is not."""

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
