"""The history of events: retried, dead-lettered, redriven, discarded.

The inbox records that an event was applied; this table records the steps before. It is shown to
people who trace an order. No decision depends on it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Engine, Identity, Integer, MetaData, String, Table, Text

from shared.database.engine import Utc, writing
from shared.events import is_id
from shared.transport import Message


class Step(StrEnum):
    RETRIED = "retried"
    DEAD_LETTERED = "dead_lettered"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One step, its reason, and the seconds until the next attempt (None if there is none)."""

    step: Step
    reason: str = ""
    after: float | None = None


#: Stores a note about a message. Raises DatabaseUnavailable.
Record = Callable[[Message, Note], None]


def no_record(_message: Message, _note: Note) -> None:
    """For a consumer that keeps no history."""


def history_table(metadata: MetaData) -> Table:
    return Table(
        "history",
        metadata,
        # SQLite numbers rows by itself only in a column that is exactly INTEGER.
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
        Column("event_id", String(64), nullable=False),
        Column("order_id", String(64), nullable=False, index=True),
        Column("step", String(16), nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("reason", Text, nullable=False),
        Column("next_at", Utc),
        Column("at", Utc, nullable=False),
    )


class History:
    def __init__(self, engine: Engine, table: Table) -> None:
        self._engine = engine
        self._table = table

    def record(self, message: Message, note: Note) -> None:
        """Store one step. `Consumer` and `settle` take this method as their `record`."""
        self.record_all([message], note, datetime.now(UTC))

    def record_all(self, messages: Iterable[Message], note: Note, at: datetime) -> None:
        rows = [_row(message, note, at) for message in messages if _belongs_to_an_order(message)]
        if rows:
            with writing(self._engine) as tx:
                tx.execute(self._table.insert(), rows)


def _belongs_to_an_order(message: Message) -> bool:
    """Whether the message can be looked up: foreign messages usually lack a valid id or key."""
    return is_id(message.key) and is_id(message.id)


def _row(message: Message, note: Note, at: datetime) -> dict[str, object]:
    return {
        "event_id": message.id,
        "order_id": message.key,
        "step": note.step,
        "attempt": message.attempt,
        "reason": _text(note.reason),
        "next_at": None if note.after is None else at + timedelta(seconds=note.after),
        "at": at,
    }


def _text(reason: str) -> str:
    """Errors quote their input, and PostgreSQL accepts neither lone surrogates nor NUL."""
    return reason.encode(errors="backslashreplace").decode().replace("\0", "\\0")
