"""The deliveries that a consumer has in hand: it settles them, or keeps them during an outage."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import structlog

from shared import observability
from shared.consuming.circuit_breaker import CircuitBreaker
from shared.consuming.effect import Effect
from shared.consuming.history import Record
from shared.consuming.outcome import Outcome
from shared.consuming.settle import settle_all
from shared.errors import DependencyUnavailable, RefusesAll
from shared.events import parse_time
from shared.transport import DEFERRAL, Delivery

log = structlog.get_logger()


class WorkInHand:
    """Shared by all worker threads of a consumer."""

    def __init__(
        self, service: str, effect: Effect, ladder: Sequence[float], record: Record, keep: float
    ) -> None:
        """`keep`: seconds for which a delivery is retried in an outage before it makes room."""
        self.circuit_breaker = CircuitBreaker()
        #: A process crashed while handling these: still counted in `unsettled`; the loop handles
        #: each of them alone.
        self.suspects: deque[Delivery] = deque()
        self.unsettled = 0
        self._effect = effect
        self._ladder = ladder
        self._record = record
        self._keep = keep
        self._settlements = observability.Settlements(service)
        self._counting = threading.Lock()

    def count(self, change: int) -> None:
        """Add `change` to the number of unsettled deliveries."""
        with self._counting:
            self.unsettled += change

    def settle_or_wait(self, pending: deque[Delivery], *, alone: bool = False) -> None:
        """Settle the deliveries; during an outage, keep them and retry, one batch at a time."""
        began = time.monotonic()
        while pending and not self.circuit_breaker.stopped:
            try:
                self.circuit_breaker.run(partial(self._settle, pending, alone=alone))
            except DependencyUnavailable as error:
                log.warning("dependency.unavailable", reason=str(error), waiting=len(pending))
                if isinstance(error, RefusesAll) or time.monotonic() - began > self._keep:
                    self._make_room(pending)

    def _settle(self, pending: deque[Delivery], *, alone: bool) -> None:
        began = time.monotonic()
        settled = settle_all(pending, self._effect, self._ladder, alone=alone, record=self._record)
        for delivery, outcome in settled:
            if outcome is Outcome.SUSPECT:
                self.suspects.append(delivery)
            else:
                self._count_settled(delivery, outcome, processing=time.monotonic() - began)

    def _make_room(self, pending: deque[Delivery]) -> None:
        """Return one delivery to the broker for later. Otherwise faulty events could occupy every
        worker and keep out the event whose success would end the outage.
        """
        pending[0].retry(DEFERRAL, None)
        pending.popleft()
        self.count(-1)

    def _count_settled(self, delivery: Delivery, outcome: Outcome, *, processing: float) -> None:
        """`processing`: seconds from the start of the batch to this settlement."""
        self.count(-1)
        self._settlements.count(outcome, processing=processing)
        if outcome is Outcome.APPLIED:
            age = datetime.now(UTC) - parse_time(delivery.message.time)
            self._settlements.applied(age=age.total_seconds())
