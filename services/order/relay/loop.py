"""The relay: publishes the events in the outbox, in the order in which they were stored.

At least once: a row is deleted after the broker has confirmed its event, so after a crash in
between the event is published again, with the same id, and the consumers' inboxes recognise it.
"""

import threading
import time
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Connection, Engine

from services.order.relay.lock import exclusive
from services.order.relay.publishing import Unfinished, publish_batch
from services.order.schema import metadata
from shared.database.schema import check_schema
from shared.errors import BrokerUnavailable, DatabaseUnavailable, PublishFailed
from shared.transport import Broker, Publisher

log = structlog.get_logger()

BATCH = 500
#: Batch size after a batch that was refused entirely; every tenth batch is a whole one.
FEW = 10
WHOLE_EVERY = 10
#: Seconds between two polls of the outbox: short while there is work, since it adds to the delay
#: of each event, and growing to the longer pause while there is none.
BUSY_SECONDS = 0.002
IDLE_SECONDS = 0.15
#: Seconds between two attempts of a standby relay to become active.
STANDBY_SECONDS = 0.5
QUEUE_CHECK_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
#: How long a stop waits for the batch in progress.
STOP_SECONDS = 20.0


class Relay:
    """Publishes while it holds the lock and every consumer's queue exists."""

    def __init__(
        self,
        engine: Engine,
        broker: Broker,
        consumers: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        stopping: threading.Event | None = None,
    ) -> None:
        """Setting `stopping` ends the loop and interrupts its pauses."""
        self._engine = engine
        self._broker = broker
        self._consumers = consumers
        self._clock = clock
        self.active = False
        self._reason: str | None = "starting"
        self._pause = FIRST_PAUSE_SECONDS
        self._queues_checked_at = float("-inf")
        self._unfinished = Unfinished()
        self._refused_whole = 0
        self._stopping = stopping or threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._on_death: Callable[[], None] = lambda: None

    def start(self, on_death: Callable[[], None]) -> None:
        """Start publishing. `on_death` is called if the loop ends with an unexpected error."""
        self._on_death = on_death
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch in progress and start no other."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def why_not_ready(self) -> str | None:
        """Why it cannot publish or take over; None if it can."""
        if not self._thread.is_alive():
            return "the relay has stopped"
        return "stopping" if self._stopping.is_set() else self._reason

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._try()
        except BaseException:
            # Before logging: a log that cannot be written must not keep a dead relay alive.
            self._on_death()
            log.exception("relay.died")

    def _try(self) -> None:
        """Relay until the broker or the database fails, then pause, longer each time.

        The lock is released during the pause, since another relay may be able to reach them.
        """
        try:
            self._relay()
        except (BrokerUnavailable, PublishFailed, DatabaseUnavailable) as error:
            self._reason = str(error)
            self._refused_whole += isinstance(error, PublishFailed) and not error.confirmed
            self._queues_checked_at = float("-inf")
            log.warning("relay.waiting", reason=self._reason, seconds=self._pause)
            self._stopping.wait(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    def _relay(self) -> None:
        check_schema(self._engine, metadata)
        self._check_queues()
        with exclusive(self._engine) as connection:
            if connection is not None:
                self._publish_until_stopped(connection)
                return
        self._note_success()
        self._stopping.wait(STANDBY_SECONDS)

    def _note_success(self) -> None:
        self._reason = None
        self._refused_whole = 0
        self._pause = FIRST_PAUSE_SECONDS

    def _check_queues(self) -> None:
        """Raises BrokerUnavailable if a queue is missing: it would not receive these events.

        The broker does not report that: it confirms a message as soon as one queue has it.
        """
        if self._clock() - self._queues_checked_at < QUEUE_CHECK_SECONDS:
            return
        if missing := self._broker.missing(self._consumers):
            raise BrokerUnavailable(f"run the topology step first: {', '.join(missing)} missing")
        self._queues_checked_at = self._clock()

    def _batch_size(self) -> int:
        """Small while everything is refused, since existing queues may receive each retry.

        Not always small, since the first few events may be the ones at fault.
        """
        return BATCH if self._refused_whole % WHOLE_EVERY == 0 else FEW

    def _publish_until_stopped(self, connection: Connection) -> None:
        log.info("relay.active")
        self.active = True
        try:
            with self._broker.publisher() as publisher:
                self._poll(connection, publisher)
        finally:
            self.active = False

    def _poll(self, connection: Connection, publisher: Publisher) -> None:
        pause = BUSY_SECONDS
        while not self._stopping.is_set():
            self._check_queues()
            published = publish_batch(connection, publisher, self._unfinished, self._batch_size())
            self._note_success()
            pause = BUSY_SECONDS if published else min(pause * 2, IDLE_SECONDS)
            if published < BATCH:
                self._stopping.wait(pause)
