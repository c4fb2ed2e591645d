"""The outbox: events stored together with their orders, waiting for the relay."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import structlog
from sqlalchemy import (
    Connection,
    Engine,
    String,
    bindparam,
    delete,
    func,
    select,
    type_coerce,
    update,
)

from services.order.errors import OutboxFull
from services.order.schema import outbox
from shared.database.engine import reading, translated
from shared.transport import Message

log = structlog.get_logger()

SOURCE = "/services/order"

#: Seconds for which all requests of a process reuse one count of the backlog.
COUNT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Number of waiting events, and age of the oldest in seconds; None if there is none.

    `set_aside`: number of events that cannot be published until an operator repairs them.
    """

    pending: int
    oldest_age_seconds: float | None
    set_aside: int = 0


_WAITING = outbox.c.set_aside.is_(None)
#: Read as text: SQLAlchemy would fail on all rows if it could not parse the time of one.
_CREATED_AT = type_coerce(outbox.c.created_at, String).label("created_at")


def backlog(engine: Engine) -> Backlog:
    oldest = select(_CREATED_AT).where(_WAITING).order_by(outbox.c.seq).limit(1)
    counts = select(func.count(), func.count(outbox.c.set_aside)).select_from(outbox)
    with reading(engine) as tx:
        total, aside = tx.execute(counts).one()
        since = tx.scalar(oldest)
    return Backlog(total - aside, None if since is None else _age(since), aside)


def _age(since: object) -> float | None:
    with suppress(ValueError):
        return max((datetime.now(UTC) - _time(since)).total_seconds(), 0.0)
    return None


def _time(value: object) -> datetime:
    """Raises ValueError."""
    time = msgspec.convert(value, datetime)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


class BacklogLimit:
    """Refuses orders while `limit` or more events are waiting, up to COUNT_SECONDS late."""

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
        # One request counts; the others use the last count instead of waiting.
        is_old = self._clock() - self._counted_at >= COUNT_SECONDS
        if is_old and self._counting.acquire(blocking=False):
            try:
                self._full = self._count() >= self._limit
                self._counted_at = self._clock()
            finally:
                self._counting.release()
        if self._full:
            raise OutboxFull(
                f"{self._limit} or more orders are waiting to be published: retry later"
            )

    def _count(self) -> int:
        """The number of waiting events, counted only up to the limit."""
        some = select(outbox.c.seq).where(_WAITING).limit(self._limit).subquery()
        with reading(self._engine) as tx:
            return tx.scalar(select(func.count()).select_from(some)) or 0


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """A row of the outbox, and the message made from it."""

    seq: int
    message: Message


class _Headers(msgspec.Struct):
    traceparent: str = ""


class _Row(msgspec.Struct):
    """Checks the types of a row, since SQLite stores a value of any type in any column."""

    seq: int
    id: str
    type: str
    aggregateid: str
    payload: str
    headers: str
    created_at: datetime


_ROWS = (
    select(
        *(outbox.c[name] for name in _Row.__struct_fields__ if name != "created_at"),
        _CREATED_AT,
    )
    .where(_WAITING)
    .order_by(outbox.c.seq)
)


def oldest(connection: Connection, limit: int) -> tuple[list[WaitingEvent], dict[int, str]]:
    """The oldest rows; and for rows that cannot be turned into messages, the reason by number."""
    with translated(), connection.execution_options(read_only=True).begin():
        rows = connection.execute(_ROWS.limit(limit)).all()
    waiting, unreadable = [], {}
    for row in rows:
        try:
            waiting.append(WaitingEvent(row.seq, _message(row)))
        except ValueError as error:
            unreadable[row.seq] = str(error)
    return waiting, unreadable


def set_aside(connection: Connection, reasons: Mapping[int, str]) -> None:
    """Mark rows as unpublishable, by number and reason, so that the relay skips them."""
    if not reasons:
        return
    with translated(), connection.execution_options(read_only=False).begin():
        for seq, reason in reasons.items():
            row = update(outbox).where(outbox.c.seq == seq, _WAITING)
            connection.execute(row.values(set_aside=reason))
            log.error("outbox.set_aside", seq=seq, reason=reason)


def still_there(connection: Connection, rows: Collection[WaitingEvent]) -> list[WaitingEvent]:
    """The given rows that are still in the outbox, compared by number and event id.

    After a failover to a replica that lagged behind, numbers may be assigned a second time.
    """
    numbered = {row.seq: row for row in rows}
    query = select(outbox.c.seq, outbox.c.id).where(outbox.c.seq.in_(numbered))
    with translated(), connection.execution_options(read_only=True).begin():
        found = connection.execute(query).all()
    return [numbered[seq] for seq, id in found if numbered[seq].message.id == id]


#: The numbers are literals in the statement: with PostgreSQL, hundreds of parameters would cost
#: more than everything else that the relay does with its database.
_REMOVE = delete(outbox).where(
    outbox.c.seq.in_(bindparam("seqs", expanding=True, literal_execute=True))
)


def remove(connection: Connection, seqs: Collection[int]) -> None:
    """Delete exactly these rows.

    Not all rows up to the last one: a transaction that began earlier may commit later, and its
    row then appears below rows that have already been published.
    """
    with translated(), connection.execution_options(read_only=False).begin():
        connection.execute(_REMOVE, {"seqs": seqs})


def _message(row: Sequence[object]) -> Message:
    """Raises ValueError."""
    named = zip(_Row.__struct_fields__, row, strict=True)
    checked = msgspec.convert(dict(named), _Row)
    headers = msgspec.json.decode(checked.headers, type=_Headers)
    return Message(
        id=checked.id,
        type=checked.type,
        source=SOURCE,
        time=_time(checked.created_at).isoformat(),
        key=checked.aggregateid,
        body=checked.payload.encode(),
        traceparent=headers.traceparent,
    )
