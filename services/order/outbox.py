"""The outbox: events that were written with their orders and wait for the relay."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, Engine, Row, bindparam, delete, func, select

from services.order.errors import OutboxFull
from services.order.schema import outbox
from shared.database import reading, translated
from shared.transport import Message

SOURCE = "/services/order"

#: How long one count of the backlog serves all requests of a process.
COUNT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait, and for how many seconds the oldest has; None when none does."""

    pending: int
    oldest_age_seconds: float | None


def backlog(engine: Engine) -> Backlog:
    oldest = select(outbox.c.created_at).order_by(outbox.c.seq).limit(1)
    with reading(engine) as tx:
        pending = tx.scalar(select(func.count()).select_from(outbox)) or 0
        since = tx.scalar(oldest)
    age = (datetime.now(UTC) - since).total_seconds() if since else None
    return Backlog(pending, age and max(age, 0.0))


class Bound:
    """Refuses orders while `limit` events wait. It may be late by COUNT_SECONDS."""

    def __init__(
        self, engine: Engine, limit: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._limit = limit
        self._clock = clock
        self._counting = threading.Lock()
        self._counted_at = float("-inf")
        self._full = False

    def check(self) -> None:
        """Raises OutboxFull."""
        # One request counts; the others go by the last count instead of waiting for it.
        is_old = self._clock() - self._counted_at >= COUNT_SECONDS
        if is_old and self._counting.acquire(blocking=False):
            try:
                self._full = self._count() >= self._limit
                self._counted_at = self._clock()
            finally:
                self._counting.release()
        if self._full:
            raise OutboxFull(f"{self._limit} or more orders wait to be published: try again later")

    def _count(self) -> int:
        """Up to the limit: what lies beyond need not be read to know that it is too much."""
        some = select(outbox.c.seq).limit(self._limit).subquery()
        with reading(self._engine) as tx:
            return tx.scalar(select(func.count()).select_from(some)) or 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of the outbox, as the message that it becomes."""

    seq: int
    message: Message


def oldest(connection: Connection, limit: int) -> Sequence[Waiting]:
    with translated(), connection.execution_options(read_only=True).begin():
        rows = connection.execute(select(outbox).order_by(outbox.c.seq).limit(limit)).all()
    return [Waiting(row.seq, _message(row)) for row in rows]


#: The numbers are written into the statement: hundreds of parameters would cost more, on their
#: way to PostgreSQL, than all the rest that the relay does with its database.
_REMOVE = delete(outbox).where(
    outbox.c.seq.in_(bindparam("seqs", expanding=True, literal_execute=True))
)


def remove(connection: Connection, seqs: Collection[int]) -> None:
    """Delete exactly these rows.

    Not all rows up to the last: a transaction that began earlier may commit later, and then
    its row appears below rows that were published before it.
    """
    with translated(), connection.execution_options(read_only=False).begin():
        connection.execute(_REMOVE, {"seqs": seqs})


def _message(row: Row[tuple[object, ...]]) -> Message:
    return Message(
        id=row.id,
        type=row.type,
        source=SOURCE,
        time=row.created_at.isoformat(),
        key=row.aggregateid,
        body=row.payload.encode(),
        traceparent=msgspec.json.decode(row.headers).get("traceparent", ""),
    )
