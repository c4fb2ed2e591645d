"""Tells a refusal of one event from a refusal of all of them, by what happens to the others.

Several different events in a row that get the same refusal, and none that is accepted, are an
outage. One that is refused while others, begun after it, are accepted is itself at fault. Until
either is seen the event climbs the ladder, and is not given up at its top for some minutes.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from shared.errors import DependencyUnavailable, OutcomeUnknown, Refused, RefusesAll
from shared.events import Event

#: So many different events, refused in the same way in a row, are an outage.
SEVERAL = 3
#: Seconds. Servers that refuse a sender's first mail on principle (greylisting) take the second
#: after five minutes; and where orders are rare, the next one comes in so many.
PATIENCE = 600.0
#: Seconds between mails that may be sent for nothing, while several in a row had no answer.
PAUSE = 30.0
#: How many refused events are remembered. One that was forgotten starts anew.
REMEMBERED = 10_000


class OutageDetector:
    """Sends, and says of a refusal what it means. Used by many threads."""

    def __init__(
        self, send: Callable[[Event], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._send = send
        self._clock = clock
        self._lock = threading.Lock()
        #: Calls are numbered as they begin; this is the last one's number.
        self._begun = 0
        #: The number of the last call that was begun and accepted.
        self._accepted = 0
        #: For each refused event, how many calls had begun when it was refused first.
        self._refused: OrderedDict[str, int] = OrderedDict()
        #: The events of each kind of refusal, since something was accepted.
        self._in_a_row: dict[str, set[str]] = {}
        #: The events whose outcome is unknown, since something was accepted; when the next one
        #: may be sent; and who gave no answer.
        self._unknown: set[str] = set()
        self._quiet_until = 0.0
        self._silent = ""

    def __call__(self, event: Event) -> None:
        number = self._begin()
        try:
            self._send(event)
        except Refused as refused:
            self._judge(event.id, refused)
            raise
        except OutcomeUnknown as unknown:
            self._be_quiet(event.id, unknown)
            raise
        with self._lock:
            self._accepted = max(self._accepted, number)
            self._in_a_row.clear()
            self._unknown.clear()
            self._refused.pop(event.id, None)

    def _begin(self) -> int:
        """The number of this call. Raises DependencyUnavailable where nothing is sent now."""
        with self._lock:
            quiet = self._quiet_until - self._clock()
            if len(self._unknown) >= SEVERAL and quiet > 0:
                raise DependencyUnavailable(self._silent, "no answers", retry_after=quiet)
            self._begun += 1
            return self._begun

    def _be_quiet(self, event_id: str, unknown: OutcomeUnknown) -> None:
        """An attempt is used, since it may be done; but not one of each event in turn."""
        with self._lock:
            self._silent = unknown.dependency
            if len(self._unknown) < SEVERAL:
                self._unknown.add(event_id)
            self._quiet_until = self._clock() + PAUSE

    def _judge(self, event_id: str, refused: Refused) -> None:
        """Raises DependencyUnavailable for an outage, and says how long any other is borne."""
        with self._lock:
            to_several = self._is_to_several(event_id, refused.kind)
            is_at_fault = self._accepted > self._first_refused(event_id)
        if refused.for_now:
            # Not held until it is accepted, since it may be about this recipient: a server that
            # greylists takes each new one after some minutes, and all of them at the same time.
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
