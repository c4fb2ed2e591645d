"""The loop around `settle`: receiving, concurrency, suspects and graceful shutdown."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from shared import observability
from shared.consuming.effect import Effect
from shared.consuming.history import Record, no_record
from shared.consuming.work_in_hand import WorkInHand
from shared.errors import BrokerUnavailable, DependencyUnavailable
from shared.transport import LADDER, Broker, DeadLetters, Delivery, Depth, Subscription

log = structlog.get_logger()

#: How long a stop waits for the work in hand. gunicorn's graceful_timeout exceeds it.
DRAIN_SECONDS = 20.0
#: How often the loop interrupts its wait for messages to check whether it should stop.
TICK_SECONDS = 0.5
#: How long a stop that used all of that time still tries to write its last records.
#: The three together are less than the process waits (shared/serving/server.py).
LEAVE_SECONDS = 3.0
#: How long a delivery is kept and retried during an outage before it makes room for another.
KEEP_SECONDS = 120.0


class Consumer:
    """Receives the deliveries of one service and settles each of them.

    `concurrency` batches of at most `batch` events are processed at a time: one large batch for
    an effect in the database, many batches of one event for a slow call to another system.
    """

    def __init__(  # noqa: PLR0913 (each is what a test or a service changes)
        self,
        service: str,
        broker: Broker,
        effect: Effect,
        *,
        ladder: Sequence[float] = LADDER,
        concurrency: int = 1,
        batch: int = 1,
        check: Callable[[], None] = lambda: None,
        record: Record = no_record,
        keep: float = KEEP_SECONDS,
    ) -> None:
        self.service = service
        self.effect = effect
        self._broker = broker
        self._concurrency = concurrency
        self._batch = batch
        #: Raises DependencyUnavailable until the service's database is ready.
        self._check = check
        self._in_hand = WorkInHand(service, effect, ladder, record, keep)
        self._stopping = threading.Event()
        self._free = threading.Semaphore(concurrency)
        self._subscription: Subscription | None = None
        #: Why there is no subscription.
        self._waits_for = "starting"
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)
        self._on_death: Callable[[], None] = lambda: None

    # --- for the process around it -----------------------------------------------------------

    def start(self, on_death: Callable[[], None]) -> None:
        """Start consuming. `on_death` is called if an unexpected error ends the loop."""
        self._on_death = on_death
        observability.UNSETTLED.labels(self.service).set_function(lambda: self.unsettled)
        observability.RECEIVING.labels(self.service).set_function(
            lambda: float(self.why_not_ready() is None)
        )
        self._thread.start()

    def stop(self) -> None:
        """Receive no more messages, finish the work in hand, return the rest to the broker."""
        deadline = time.monotonic() + DRAIN_SECONDS
        self._stopping.set()
        self._in_hand.circuit_breaker.stop()
        if self._thread.is_alive():
            self._thread.join(DRAIN_SECONDS + TICK_SECONDS)
        deadline = max(deadline, time.monotonic() + LEAVE_SECONDS)
        while not self._has_finished() and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)

    def _has_finished(self) -> bool:
        try:
            self.effect.record_the_rest()
        except DependencyUnavailable as error:
            log.warning("consumer.not_finished", reason=str(error))
            return False
        return True

    @property
    def unsettled(self) -> int:
        """Deliveries that are being processed, or whose settlement the broker has not confirmed."""
        subscription = self._subscription
        return self._in_hand.unsettled + (subscription.held() if subscription else 0)

    def dead_letters(self) -> DeadLetters:
        """The dead letters of this service."""
        return self._broker.dead_letters(self.service)

    def depth(self) -> Depth:
        """The depth of this service's queues. Raises BrokerUnavailable."""
        return self._broker.depth(self.service)

    def why_not_ready(self) -> str | None:
        """The reason why it cannot consume; None when it can."""
        if not self._thread.is_alive():
            return "the consumer has stopped"
        if self._stopping.is_set():
            return "stopping"
        if not (subscription := self._subscription):
            return f"not subscribed: {self._waits_for}"
        return self._in_hand.circuit_breaker.reason or subscription.problem()

    # --- the loop ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with ThreadPoolExecutor(self._concurrency, thread_name_prefix="worker") as workers:
                self._until_stopped(workers)
        except BaseException:
            # First: a log that cannot be written must not keep a dead consumer alive.
            self._on_death()
            log.exception("consumer.died")

    def _until_stopped(self, workers: ThreadPoolExecutor) -> None:
        while not self._stopping.is_set():
            try:
                self._check()
                self._consume(workers)
            except (BrokerUnavailable, DependencyUnavailable) as error:
                self._waits_for = str(error)
                log.warning("consumer.waiting", reason=self._waits_for)
                self._stopping.wait(1.0)

    def _consume(self, workers: ThreadPoolExecutor) -> None:
        missing = self._broker.missing([self.service])
        if missing:
            raise BrokerUnavailable(f"run the topology step first: {', '.join(missing)} is missing")
        # Two batches are prefetched, so that the next one is here when one is committed.
        prefetch = self._concurrency * (2 * self._batch if self._batch > 1 else 1)
        with self._broker.subscribe(self.service, prefetch=prefetch) as subscription:
            log.info("consumer.subscribed", prefetch=prefetch)
            self._subscription = subscription
            try:
                self._receive(subscription, workers)
                self._drain()
            finally:
                self._subscription = None
                self._in_hand.count(-len(self._in_hand.suspects))
                self._in_hand.suspects.clear()

    def _drain(self) -> None:
        """Wait for the work in hand while its deliveries can still be acknowledged."""
        deadline = time.monotonic() + DRAIN_SECONDS
        for _ in range(self._concurrency):
            self._free.acquire(timeout=max(0.0, deadline - time.monotonic()))

    def _receive(self, subscription: Subscription, workers: ThreadPoolExecutor) -> None:
        while not self._stopping.is_set():
            if self._in_hand.suspects:
                self._handle_suspects()
            # Keep receiving in an outage too, up to the concurrency: these deliveries take turns
            # as probes, and one that fails for its own reasons must not be the only probe.
            if not self._free.acquire(timeout=TICK_SECONDS):
                continue
            deliveries = self._next_batch(subscription)
            if deliveries:
                workers.submit(self._work, deque(deliveries))
            else:
                self._free.release()

    def _next_batch(self, subscription: Subscription) -> Sequence[Delivery]:
        if self._stopping.is_set():
            return ()
        try:
            deliveries = subscription.receive(self._batch, TICK_SECONDS)
        except BaseException:
            self._free.release()
            raise
        self._in_hand.count(len(deliveries))
        return deliveries

    def _work(self, pending: deque[Delivery]) -> None:
        """Settle one batch; runs in a worker thread."""
        try:
            self._in_hand.settle_or_wait(pending)
        except BrokerUnavailable as error:
            # The connection is lost. The loop opens a new one, and the broker redelivers these.
            log.warning("deliveries.lost", count=len(pending), reason=str(error))
        except BaseException:
            self._on_death()
            log.exception("worker.died")
        finally:
            self._in_hand.count(-len(pending))
            self._free.release()

    # --- suspects ----------------------------------------------------------------------------

    def _handle_suspects(self) -> None:
        """Wait until no other work is in progress, then handle the suspects one by one."""
        for _ in range(self._concurrency):
            self._free.acquire()
        try:
            while self._in_hand.suspects and not self._stopping.is_set():
                self._handle_alone(self._in_hand.suspects.popleft())
        finally:
            self._free.release(self._concurrency)

    def _handle_alone(self, delivery: Delivery) -> None:
        log.warning("suspect.alone", event_id=delivery.message.id, order=delivery.message.key)
        pending = deque([delivery])
        try:
            self._in_hand.settle_or_wait(pending, alone=True)
        finally:
            self._in_hand.count(-len(pending))
