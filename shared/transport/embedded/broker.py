"""A broker in one SQLite file: durable, shared by the processes of one machine, nothing to install.

It guarantees what a server does: at-least-once delivery, competing consumers, delayed retries,
dead letters. Deliveries are leased to a consumer. If its process crashes, the leases expire and
another consumer receives the messages.
"""

import time
from collections.abc import Collection, Generator, Iterator, Sequence
from sqlite3 import Connection
from types import TracebackType
from typing import Self

from shared.errors import BrokerUnavailable, PublishFailed
from shared.sqlite_address import sqlite_path
from shared.transport import names
from shared.transport.embedded import sql
from shared.transport.embedded.archive import EmbeddedArchive
from shared.transport.embedded.connection import Store
from shared.transport.embedded.file import create
from shared.transport.embedded.retention import Clock, Tidier
from shared.transport.embedded.rows import history_of, to_message
from shared.transport.embedded.subscription import LEASE, EmbeddedSubscription
from shared.transport.message import PART, DeadLetter, Depth, Message


class EmbeddedBroker:
    """`ladder` is ignored: this broker supports any delay, without a queue for each rung."""

    def __init__(
        self,
        url: str,
        ladder: Sequence[float] = (),
        *,
        clock: Clock = time.time,
        lease: float = LEASE,
    ) -> None:
        self._path = sqlite_path(url)
        self._clock = clock
        self._lease = lease

    def declare(self, services: Sequence[str]) -> None:
        create(self._path)
        queues = [(names.work_queue(service),) for service in services]
        with Store(self._path) as store, store.writing() as file:
            file.executemany(sql.DECLARE, queues)

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        queues = [names.work_queue(service) for service in services]
        if not self._path.exists():
            return queues
        with Store(self._path) as store, store.reading() as file:
            return [queue for queue in queues if not _is_declared(file, queue)]

    def different(self, services: Sequence[str]) -> Sequence[str]:
        """Always empty: a queue is only a name, without properties."""
        return []

    def depth(self, service: str) -> Depth:
        """Unlike on RabbitMQ, `ready` includes leased messages."""
        queue = self._declared(service)
        with Store(self._path) as store, store.reading() as file:
            counts = file.execute(sql.DEPTH, {"queue": queue, "now": self._clock()}).fetchone()
        ready, retrying, dead = counts
        return Depth(ready, retrying, dead, counts_held=True)

    def publisher(self) -> "EmbeddedPublisher":
        return EmbeddedPublisher(Store(self._path), clock=self._clock)

    def subscribe(self, service: str, *, prefetch: int) -> EmbeddedSubscription:
        return EmbeddedSubscription(
            Store(self._path),
            self._declared(service),
            prefetch=prefetch,
            clock=self._clock,
            lease=self._lease,
        )

    def dead_letters(self, service: str) -> "EmbeddedDeadLetters":
        return EmbeddedDeadLetters(Store(self._path), names.work_queue(service))

    def archive(self, service: str) -> EmbeddedArchive:
        return EmbeddedArchive(self._path)

    def past(self) -> None:
        return None

    def _declared(self, service: str) -> str:
        queue = names.work_queue(service)
        with Store(self._path) as store, store.reading() as file:
            if not _is_declared(file, queue):
                raise BrokerUnavailable(f"{self._path}: {queue} is not declared")
        return queue


class EmbeddedPublisher:
    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tidier = Tidier(clock)

    def publish(self, messages: Sequence[Message]) -> None:
        """Store all messages or none, with a delivery for each declared queue."""
        if not messages:
            return
        with self._store.writing() as file:
            if file.execute(sql.ANY_QUEUE).fetchone() is None:
                raise PublishFailed("no queue is declared that would receive it")
            for message in messages:
                self._store_one(file, message)
            self._tidier.tidy(file)

    def _store_one(self, file: Connection, message: Message) -> None:
        attributes = (message.id, message.type, message.source, message.time, message.key)
        values = (*attributes, message.traceparent, message.body, self._clock())
        stored = file.execute(sql.STORE_MESSAGE, values)
        file.execute(sql.STORE_DELIVERIES, (stored.lastrowid, *history_of(message)))

    def close(self) -> None:
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


class EmbeddedDeadLetters:
    def __init__(self, store: Store, queue: str) -> None:
        self._store = store
        self._queue = queue

    def count(self) -> int:
        with self._store as store, store.reading() as file:
            return int(file.execute(sql.COUNT_DEAD, (self._queue,)).fetchone()[0])

    def browse(self, limit: int) -> Sequence[DeadLetter]:
        with self._store as store, store.reading() as file:
            return [letter for _, letter in self._oldest(file, limit)]

    def scan(self) -> Generator[DeadLetter, None, None]:
        after = ("", 0)
        while page := self._page(after):
            yield from (letter for _, letter in page)
            delivery, letter = page[-1]
            after = (letter.at, delivery)

    def _page(self, after: tuple[str, int]) -> Sequence[tuple[int, DeadLetter]]:
        with self._store as store, store.reading() as file:
            return list(self._oldest(file, PART, after))

    def redrive(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        return self._take(handles, most, sql.REDRIVE)

    def discard(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        return self._take(handles, most, None)

    def _take(
        self, handles: Collection[str] | None, most: int, resend: str | None
    ) -> Sequence[DeadLetter]:
        limit = most if handles is None else sql.NO_LIMIT
        with self._store as store, store.writing() as file:
            taken = [
                (delivery, letter)
                for delivery, letter in self._oldest(file, limit)
                if handles is None or letter.handle in handles
            ]
            ids = [(delivery,) for delivery, _ in taken]
            if resend:
                file.executemany(resend, ids)
            file.executemany(sql.REMOVE, ids)
        return [letter for _, letter in taken]

    def _oldest(
        self, file: Connection, limit: int, after: tuple[str, int] = ("", 0)
    ) -> Iterator[tuple[int, DeadLetter]]:
        for row in file.execute(sql.OLDEST_DEAD, (self._queue, *after, limit)):
            delivery, reason, at, *message = row
            yield delivery, DeadLetter(to_message(message), reason, at)


def _is_declared(file: Connection, queue: str) -> bool:
    return file.execute(sql.QUEUE, (queue,)).fetchone() is not None
