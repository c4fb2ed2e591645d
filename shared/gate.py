"""Closed while something that the work needs is away."""

import threading
from collections.abc import Callable

from shared.errors import DependencyUnavailable

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0


class Gate:
    """Lets all work pass while it is open, and one piece at a time, ever more slowly, after that.

    The piece that passes is real work, not a ping: a mail server that answers a ping and
    refuses mail is not back.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._open = threading.Event()
        self._open.set()
        self._left = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._wait = FIRST_WAIT_SECONDS

    def wait_open(self, timeout: float) -> bool:
        return self._open.wait(timeout)

    def leave(self) -> None:
        """Stop: nobody waits here any more."""
        self._left.set()

    @property
    def left(self) -> bool:
        return self._left.is_set()

    def run(self, work: Callable[[], None]) -> None:
        """Do a piece of work. DependencyUnavailable from it closes the gate, its end opens it.

        Returns without having done it when `leave` is called while it waits.
        """
        if not self._open.is_set():
            with self._one_at_a_time:
                if not self._open.is_set():
                    self._probe(work)
                    return
        # Open, or opened while this waited for its turn: from here on side by side again.
        if not self.left:
            self._attempt(work)

    def _probe(self, work: Callable[[], None]) -> None:
        self._left.wait(self._wait)
        if not self.left:
            self._attempt(work)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DependencyUnavailable as error:
            self._close(str(error))
            raise
        except BaseException:
            # Another error says nothing against the dependency, and the work that would have
            # tried it again is over.
            self._reopen()
            raise
        self._reopen()

    def _close(self, reason: str) -> None:
        self.reason = reason
        if self._open.is_set():
            self._wait = FIRST_WAIT_SECONDS
            self._open.clear()
        else:
            self._wait = min(self._wait * 2, LONGEST_WAIT_SECONDS)

    def _reopen(self) -> None:
        if not self._open.is_set():
            self.reason = None
            self._open.set()
