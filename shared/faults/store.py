"""Stores the active faults of a service: a row for each kind.

The rows are in the service's own database, so every replica sees the same faults, also after a
restart. Without FAULTS_ALLOWED, they are ignored.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Engine, Float, MetaData, String, Table, delete, or_, select

from shared.database.engine import insert, reading, writing
from shared.faults.shapes import ActiveFault, Kind

#: How long a read is cached: a fault starts and ends at most this late.
CACHE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Fault:
    """`until`: seconds since 1970; None if the fault lasts until it is cleared."""

    kind: Kind
    value: str
    until: float | None

    def shown(self, *, digits: int) -> ActiveFault:
        """`digits`: of the seconds that are left, after the point."""
        left = None if self.until is None else round(max(0.0, self.until - time.time()), digits)
        return ActiveFault(self.kind, self.value, left)


def faults_table(metadata: MetaData) -> Table:
    return Table(
        "faults",
        metadata,
        Column("kind", String(16), primary_key=True),
        Column("value", String(64), nullable=False),
        Column("until", Float),
    )


class Faults:
    """The faults of one service. Each replica compares `until` with its own clock.

    If faults are not `allowed`, the table is never read.
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
        """The active faults, cached for CACHE_SECONDS. Raises DatabaseUnavailable."""
        if not self.allowed:
            return {}
        if not 0 <= self._clock() - self._read_at < CACHE_SECONDS:
            seen = self.read()
            self._seen, self._read_at = {fault.kind: fault for fault in seen}, self._clock()
        now = self._clock()
        return {k: f for k, f in self._seen.items() if f.until is None or f.until > now}

    def read(self) -> Sequence[Fault]:
        """The active faults, read from the database."""
        with reading(self._engine) as tx:
            rows = tx.execute(select(self._table).where(self._holds())).all()
        return sorted((Fault(Kind(row.kind), row.value, row.until) for row in rows), key=str)

    def put(self, values: Mapping[Kind, str], *, seconds: float | None = None) -> None:
        """Set faults, for `seconds` or until cleared. A fault replaces the last of its kind."""
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
        """Remove a one-time fault; True for exactly one of the processes that try."""
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
