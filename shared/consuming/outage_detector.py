"""Distinguishes a refusal of one event from an outage, by the results of other events.

If several different events in a row get the same refusal and none is accepted, it is an outage.
If an event is refused while others that began after it are accepted, that event is at fault.
Until one of these is certain, the event climbs the retry ladder, and is not given up at its top
for PATIENCE seconds.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from shared.errors import DependencyUnavailable, OutcomeUnknown, Refused, RefusesAll
from shared.events import Event

#: This many different events, refused in the same way in a row, are an outage.
SEVERAL = 3
#: Seconds. Servers that greylist refuse a sender's first mail and accept it after five minutes;
#: and in a quiet shop, the next order may take this long to arrive.
PATIENCE = 600.0
#: Seconds between sends that may be wasted, after several in a row had no response.
PAUSE = 30.0
#: How many refused events are remembered. A forgotten one counts as refused for the first time.
REMEMBERED = 10_000


class OutageDetector:
    """Sends events and classifies refusals. Safe to use from many threads."""

    def __init__(
        self, send: Callable[[Event], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send = send
        self._clock = clock
        self._lock = threading.Lock()
        #: Calls are numbered as they begin; this is the last one's number.
        self._begun = 0
        #: The highest number of an accepted call.
        self._accepted = 0
        #: For each refused event, how many calls had begun when it was first refused.
        self._refused: OrderedDict[str, int] = OrderedDict()
        #: By kind of refusal: the events refused since the last acceptance.
        self._in_a_row: dict[str, set[str]] = {}
        #: The events with an unknown outcome since the last acceptance; the time of the next
        #: send; and the name of the dependency that did not respond.
        self._unknown: set[str] = set()
        self._paused_until = 0.0
        self._unresponsive = ""

    def __call__(self, event: Event) -> None:
        number = self._begin()
        try:
            self._send(event)
        except Refused as refused:
            self._judge(event.id, refused)
            raise
        except OutcomeUnknown as unknown:
            self._pause(event.id, unknown)
            raise
        with self._lock:
            self._accepted = max(self._accepted, number)
            self._in_a_row.clear()
            self._unknown.clear()
            self._refused.pop(event.id, None)

    def _begin(self) -> int:
        """The number of this call. Raises DependencyUnavailable during a pause."""
        with self._lock:
            pause = self._paused_until - self._clock()
            if len(self._unknown) >= SEVERAL and pause > 0:
                raise DependencyUnavailable(self._unresponsive, "no responses", retry_after=pause)
            self._begun += 1
            return self._begun

    def _pause(self, event_id: str, unknown: OutcomeUnknown) -> None:
        """This event uses an attempt, since it may have been sent; the pause spares the others."""
        with self._lock:
            self._unresponsive = unknown.dependency
            if len(self._unknown) < SEVERAL:
                self._unknown.add(event_id)
            self._paused_until = self._clock() + PAUSE

    def _judge(self, event_id: str, refused: Refused) -> None:
        """Raise RefusesAll for an outage; otherwise set how long the refusal is retried."""
        with self._lock:
            to_several = self._is_to_several(event_id, refused.kind)
            is_at_fault = self._accepted > self._first_refused(event_id)
        if refused.for_now:
            # Retried, not held as in an outage: the refusal may concern this recipient. A server
            # that greylists accepts each new one after some minutes, independently of the others.
            refused.patience = math.inf if to_several else PATIENCE
        elif to_several:
            raise RefusesAll(
                refused.dependency, refused, retry_after=refused.retry_after
            ) from refused
        elif not is_at_fault:
            refused.patience = PATIENCE

    def _is_to_several(self, event_id: str, kind: str) -> bool:
        events = self._in_a_row.setdefault(kind, set())
        if len(events) < SEVERAL:
            events.add(event_id)
        return len(events) == SEVERAL

    def _first_refused(self, event_id: str) -> int:
        first = self._refused.setdefault(event_id, self._begun)
        if len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)
        return first
