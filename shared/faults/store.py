"""Faults that somebody asked for, to see what becomes of the system: a row for each kind.

The rows are in the service's own database, and so every replica sees the same, also after it was
started anew. Nothing of this is there unless FAULTS_ALLOWED is set.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Engine, Float, MetaData, String, Table, delete, or_, select

from shared.database.engine import insert, reading, writing

#: For how long what was read is believed: a fault begins and ends that late, at most.
BELIEVED_SECONDS = 0.2


class Kind(StrEnum):
    #: Seconds before the work, as `parse_latency` reads them.
    LATENCY = "latency"
    #: The part of all work that fails, 0 to 1; each attempt is drawn anew.
    FAILURES = "failures"
    #: The HTTP side answers 503 and nothing is consumed.
    OUTAGE = "outage"
    #: The process that gets the next message dies: `before` its effect or `after` it. Once.
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class Fault:
    """`until`: seconds since 1970; None for one that stays until it is cleared."""

    kind: Kind
    value: str
    until: float | None


def faults_table(metadata: MetaData) -> Table:
    return Table(
        "faults",
        metadata,
        Column("kind", String(16), primary_key=True),
        Column("value", String(64), nullable=False),
        Column("until", Float),
    )


class Faults:
    """Those of one service. Replicas compare `until` by their own clocks.

    Where they are not `allowed`, no row is looked at, whatever is in the table.
    """

    def __init__(
        self,
        engine: Engine,
        table: Table,
        *,
        allowed: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.allowed = allowed
        self._engine = engine
        self._table = table
        self._clock = clock
        self._read_at = float("-inf")
        self._seen: Mapping[Kind, Fault] = {}

    def now(self) -> Mapping[Kind, Fault]:
        """What holds now, as it was BELIEVED_SECONDS ago or later. Raises DatabaseUnavailable."""
        if not self.allowed:
            return {}
        if not 0 <= self._clock() - self._read_at < BELIEVED_SECONDS:
            seen = self.read()
            self._seen, self._read_at = {fault.kind: fault for fault in seen}, self._clock()
        now = self._clock()
        return {k: f for k, f in self._seen.items() if f.until is None or f.until > now}

    def read(self) -> Sequence[Fault]:
        """What holds now, as the database has it."""
        with reading(self._engine) as tx:
            rows = tx.execute(select(self._table).where(self._holds())).all()
        return sorted((Fault(Kind(row.kind), row.value, row.until) for row in rows), key=str)

    def put(self, values: Mapping[Kind, str], *, seconds: float | None = None) -> None:
        """For so many seconds, or until cleared. One of a kind takes the place of the last."""
        until = None if seconds is None else self._clock() + seconds
        with writing(self._engine) as tx:
            for kind, value in values.items():
                row: dict[str, Any] = {"kind": kind, "value": value, "until": until}
                statement = insert(tx, self._table).values(row)
                tx.execute(statement.on_conflict_do_update(index_elements=["kind"], set_=row))
        self._forget()

    def clear(self) -> None:
        with writing(self._engine) as tx:
            tx.execute(delete(self._table))
        self._forget()

    def take(self, kind: Kind, value: str) -> bool:
        """Take a fault that happens once; of several that try, True for a single one."""
        this = (self._table.c.kind == kind) & (self._table.c.value == value)
        with writing(self._engine) as tx:
            taken = tx.execute(delete(self._table).where(this & self._holds())).rowcount == 1
        self._forget()
        return taken

    def _holds(self) -> Any:
        until = self._table.c.until
        return or_(until.is_(None), until > self._clock())

    def _forget(self) -> None:
        self._read_at = float("-inf")
