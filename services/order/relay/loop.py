"""The relay: takes events from the outbox to the broker, in the order in which they came.

At least once: a row is deleted after the broker has confirmed its event, so a crash in between
publishes the event again, with the same id, and the consumers' inboxes recognise it.
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
#: After a batch of which nothing was taken, so many are tried, and each tenth time a whole batch.
FEW = 10
WHOLE_EVERY = 10
#: Seconds from one look into the outbox to the next: short while there is work, since each is
#: part of how long an event takes, and growing to the longer one while there is none.
BUSY_SECONDS = 0.002
IDLE_SECONDS = 0.15
#: How often a second relay tries to become the active one.
STANDBY_SECONDS = 0.5
QUEUE_CHECK_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
#: How long a stop waits for the batch in hand.
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
        """`stopping` is set once it should end, and all its pauses end then."""
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
        """Begin to publish. `on_death` is called should the loop end by an error of its own."""
        self._on_death = on_death
        self._thread.start()

    def stop(self) -> None:
        """End the batch in hand and take no other."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def why_not_ready(self) -> str | None:
        """What keeps it from publishing, or from taking over; None when nothing does."""
        if not self._thread.is_alive():
            return "the relay has stopped"
        return "stopping" if self._stopping.is_set() else self._reason

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._try()
        except BaseException:
            # First: a log that cannot be written must not keep a dead relay alive.
            self._on_death()
            log.exception("relay.died")

    def _try(self) -> None:
        """Relay until something is away, then wait, longer each time. Everything is kept.

        The lock is given up meanwhile: another relay may reach what this one does not.
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
        self._all_is_well()
        self._stopping.wait(STANDBY_SECONDS)

    def _all_is_well(self) -> None:
        self._reason = None
        self._refused_whole = 0
        self._pause = FIRST_PAUSE_SECONDS

    def _check_queues(self) -> None:
        """A queue that does not exist yet does not get what is published now: publish nothing.

        The broker does not tell. It confirms a message as soon as one queue has it.
        """
        if self._clock() - self._queues_checked_at < QUEUE_CHECK_SECONDS:
            return
        if missing := self._broker.missing(self._consumers):
            raise BrokerUnavailable(
                f"run the topology step first, there is no {', '.join(missing)}"
            )
        self._queues_checked_at = self._clock()

    def _batch_size(self) -> int:
        """Few while all is refused: the queues that are there may have got each of these.

        Not always few, since the first few may be refused for their own sake.
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
            self._all_is_well()
            pause = BUSY_SECONDS if published else min(pause * 2, IDLE_SECONDS)
            if published < BATCH:
                self._stopping.wait(pause)
