"""Group commit: threads that each need a short transaction share one.

A commit waits for the disk, which takes as long for one row as for thirty. The first thread leads:
it commits its own item together with all waiting ones. Items that arrive during that commit form
the next group, led by its first thread. So there is no thread to start or stop, a single thread
never waits for others, and the groups grow under load.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

from shared.errors import DependencyUnavailable

T = TypeVar("T")
R = TypeVar("R")

#: The largest group, so that a transaction stays short however many threads wait.
MOST = 100


#: So long after an outage nothing is committed together: it may be one item that waits for a lock,
#: held by a process that is frozen, and the others of its group would wait with it every time. A
#: transaction that is idle for longer is ended by PostgreSQL (`postgresql_session.py`).
APART_SECONDS = 60.0


class GroupCommit(Generic[T, R]):
    """`act` does the work of many threads in one transaction. It returns a result for each item, in
    order.
    """

    def __init__(
        self,
        act: Callable[[Sequence[T]], Sequence[R]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._act = act
        self._clock = clock
        #: Until then, every item has a transaction of its own.
        self._apart_until = 0.0
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[T, R]] = []
        self._is_led = False

    def do(self, item: T) -> R:
        """Return the result for this item once it is committed, or raise the error of `act`."""
        if self._clock() < self._apart_until:
            [result] = self._act([item])
            return result
        mine: _Waiting[T, R] = _Waiting(item)
        with self._lock:
            self._waiting.append(mine)
            must_wait, self._is_led = self._is_led, True
        if must_wait:
            mine.woken.wait()
        if not mine.has_ended:
            self._lead()
        return mine.result()

    def _lead(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        self._settle(group)
        with self._lock:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].woken.set()

    def _settle(self, group: "Sequence[_Waiting[T, R]]") -> None:
        try:
            results = self._act([each.item for each in group])
            pairs = list(zip(group, results, strict=True))
        except BaseException as error:  # noqa: BLE001 (each waiting thread raises it again)
            if len(group) > 1 and _may_be_about_one(error):
                self._settle_each(group)
                return
            if len(group) > 1:
                self._apart_until = self._clock() + APART_SECONDS
            for each in group:
                each.end(error=error)
            return
        for each, result in pairs:
            each.end(result=result)

    def _settle_each(self, group: "Sequence[_Waiting[T, R]]") -> None:
        """One item may be at fault: do each by itself, so that the others do not fail.

        The leader's own item, which is the first, comes last: its thread returns only after all
        others. After an outage, the rest fails at once instead of waiting for the same in turn.
        """
        outage: DependencyUnavailable | None = None
        for each in reversed(group):
            if outage:
                each.end(error=outage)
            else:
                self._settle([each])
                outage = each.outage()


def _may_be_about_one(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, DependencyUnavailable)


class _Waiting(Generic[T, R]):
    def __init__(self, item: T) -> None:
        self.item = item
        #: Set when it has ended, and when its thread is to lead.
        self.woken = threading.Event()
        self.has_ended = False
        self._result: R | None = None
        self._error: BaseException | None = None

    def end(self, *, result: R | None = None, error: BaseException | None = None) -> None:
        self._result, self._error, self.has_ended = result, error, True
        self.woken.set()

    def outage(self) -> DependencyUnavailable | None:
        return self._error if isinstance(self._error, DependencyUnavailable) else None

    def result(self) -> R:
        if self._error:
            raise self._error
        return cast(R, self._result)
