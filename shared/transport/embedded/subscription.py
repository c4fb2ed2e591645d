"""A subscription to the embedded broker: its leases, and the thread that renews them."""

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from sqlite3 import Connection
from types import TracebackType
from typing import Any, Self

import structlog

from shared.errors import BrokerUnavailable
from shared.transport.embedded import sql
from shared.transport.embedded.connection import Store
from shared.transport.embedded.retention import Clock
from shared.transport.embedded.rows import history_of, to_message
from shared.transport.message import MAX_REASON, Failure, Message

#: Seconds until the messages of a crashed process are redelivered.
LEASE = 10.0
#: Renewals per lease: one of them may fail or be late.
RENEWALS = 3
#: Seconds between two polls of an idle consumer; each is one indexed read.
POLL = 0.015
#: Seconds for which an acknowledgement waits for others to share its commit.
LINGER = 0.003
#: Seconds until a failed write of the keeper thread is retried.
PAUSE = 0.2

log = structlog.get_logger()


class EmbeddedDelivery:
    def __init__(
        self, subscription: "EmbeddedSubscription", row: int, token: str, message: Message
    ) -> None:
        self._subscription = subscription
        #: Row and token together identify the lease: every lease has a new token.
        self.claim = (row, token)
        self._message = message

    @property
    def message(self) -> Message:
        return self._message

    def ack(self) -> None:
        """Queue the acknowledgement; several of them share a commit a few milliseconds later.

        If the process crashes before that, the message is redelivered.
        """
        self._subscription.acknowledge(self)

    def retry(self, after: float, failure: Failure | None) -> None:
        self._subscription.retry(self, after, failure)

    def dead_letter(self, reason: str) -> None:
        self._subscription.dead_letter(self, reason)


class EmbeddedSubscription:
    """Call `receive` from one thread only; deliveries may be settled from any."""

    def __init__(
        self, store: Store, queue: str, *, prefetch: int, clock: Clock, lease: float
    ) -> None:
        self._store = store
        self._queue = queue
        self._prefetch = prefetch
        self._clock = clock
        self._lease = lease
        self._lock = threading.Lock()
        self._unsettled: set[EmbeddedDelivery] = set()
        self._acks: list[EmbeddedDelivery] = []
        self._renew_at = time.monotonic() + lease / RENEWALS
        self._wake = threading.Event()
        self._over = threading.Event()
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=f"{queue}-keeper", daemon=True)
        self._keeper.start()

    def receive(self, max_messages: int, timeout: float) -> Sequence[EmbeddedDelivery]:
        deadline = time.monotonic() + timeout
        while not self._over.is_set():
            deliveries = self._take(max_messages)
            left = deadline - time.monotonic()
            if deliveries or left <= 0:
                return deliveries
            self._over.wait(min(POLL, left))
        raise BrokerUnavailable("the subscription is closed, or a delivery of it was lost")

    def _take(self, max_messages: int) -> Sequence[EmbeddedDelivery]:
        room = min(max_messages, self._prefetch - len(self._unsettled))
        if room <= 0 or not self._is_something_due():
            return ()
        with self._writing() as file:
            deliveries = self._lease_oldest(file, room)
        with self._lock:
            self._unsettled.update(deliveries)
        return deliveries

    def _is_something_due(self) -> bool:
        with self._store.reading() as file:
            row = file.execute(sql.IS_DUE, {"queue": self._queue, "now": self._clock()}).fetchone()
        return bool(row[0])

    def _lease_oldest(self, file: Connection, limit: int) -> list[EmbeddedDelivery]:
        now, token = self._clock(), secrets.token_hex(8)
        # Renew our own leases first: after a sleep of the machine, or a long wait for the file,
        # they could be overdue, and this consumer would make its own deliveries ready again.
        self._renew(file)
        file.execute(sql.MAKE_READY, (self._queue, now))
        rows = file.execute(sql.OLDEST_READY, (self._queue, limit)).fetchall()
        file.executemany(sql.LEASE, [(now + self._lease, token, row) for row, *_ in rows])
        return [EmbeddedDelivery(self, row, token, to_message(rest)) for row, *rest in rows]

    def acknowledge(self, delivery: EmbeddedDelivery) -> None:
        with self._ending_when_lost(), self._lock:
            self._expect_unsettled(delivery)
            self._unsettled.discard(delivery)
            self._acks.append(delivery)
        self._wake.set()

    def retry(self, delivery: EmbeddedDelivery, after: float, failure: Failure | None) -> None:
        message = delivery.message.failed(failure) if failure else delivery.message
        self._settle(delivery, sql.RETRY, (self._clock() + after, *history_of(message)))

    def dead_letter(self, delivery: EmbeddedDelivery, reason: str) -> None:
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat()
        self._settle(delivery, sql.BURY, (reason[:MAX_REASON], at))

    def _settle(self, delivery: EmbeddedDelivery, statement: str, values: tuple[Any, ...]) -> None:
        with self._ending_when_lost():
            self._expect_unsettled(delivery)
            with self._writing() as file:
                settled = file.execute(statement, (*values, *delivery.claim)).rowcount
            with self._lock:
                self._unsettled.discard(delivery)
            if not settled:
                raise BrokerUnavailable(f"the lease on {delivery.message.id} was lost")

    def _expect_unsettled(self, delivery: EmbeddedDelivery) -> None:
        if delivery not in self._unsettled:
            raise BrokerUnavailable(f"{delivery.message.id} no longer belongs to this consumer")

    @contextmanager
    def _ending_when_lost(self) -> Iterator[None]:
        """Make the consumer resubscribe, as it does when the connection to a server is lost.

        It abandons its other deliveries then, whose leases would otherwise be renewed for ever.
        """
        try:
            yield
        except BrokerUnavailable:
            self._over.set()
            raise

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that also writes the queued acknowledgements."""
        with self._lock:
            acks, self._acks = self._acks, []
        try:
            with self._store.writing() as file:
                lost = [ack for ack in acks if not file.execute(sql.DONE, ack.claim).rowcount]
                yield file
        except BaseException:
            with self._lock:
                self._acks = acks + self._acks
            raise
        for ack in lost:
            log.warning("delivery.lease_lost", queue=self._queue, event_id=ack.message.id)

    def _keep(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(max(0.0, self._renew_at - time.monotonic()))
            self._wake.clear()
            self._closed.wait(LINGER)
            try:
                self._write_acks_and_leases()
            except BrokerUnavailable as error:
                log.warning("subscription.not_written", queue=self._queue, error=str(error))
                self._closed.wait(PAUSE)
                self._wake.set()

    def _write_acks_and_leases(self) -> None:
        now = time.monotonic()
        is_time = now >= self._renew_at
        if not is_time and not self._acks:
            return
        with self._writing() as file:
            if is_time:
                self._renew(file)
        if is_time:
            self._renew_at = now + self._lease / RENEWALS

    def _renew(self, file: Connection) -> None:
        file.executemany(sql.RENEW, self._claims(self._clock() + self._lease))

    def _claims(self, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return [(*values, *delivery.claim) for delivery in self._unsettled]

    def problem(self) -> str | None:
        return None

    def held(self) -> int:
        return 0

    def close(self) -> None:
        """Write the acknowledgements and return the rest; if that fails, the leases expire."""
        self._over.set()
        self._closed.set()
        self._wake.set()
        self._keeper.join()
        claims = self._claims()
        with self._lock:
            self._unsettled.clear()
        try:
            with self._writing() as file:
                file.executemany(sql.RETURN, claims)
        except BrokerUnavailable as error:
            log.warning("subscription.not_returned", queue=self._queue, error=str(error))
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()
