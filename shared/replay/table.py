"""The table of replays in the service's database: one row for each replay.

A unique index allows only one row in the state `running`, so that one replay runs at a time in
all processes of the service.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, Boolean, Column, Float, Index, MetaData, String, Table, Text

from shared.database.engine import Utc
from shared.replay.shapes import RUNNING
from shared.replay.tally import Tally


def replays_table(metadata: MetaData) -> Table:
    table = Table(
        "replays",
        metadata,
        Column("id", String(32), primary_key=True),
        Column("state", String(16), nullable=False),
        Column("start", String(64), nullable=False),
        Column("past", String(64)),
        Column("dry_run", Boolean, nullable=False),
        Column("resend", Boolean, nullable=False),
        Column("tally", JSON, nullable=False),
        Column("reason", Text),
        Column("run", String(32), nullable=False),
        Column("lease_until", Float, nullable=False),
        Column("started_at", Utc, nullable=False),
        Column("ended_at", Utc),
    )
    running = table.c.state == RUNNING
    Index("one_replay", table.c.state, unique=True, sqlite_where=running, postgresql_where=running)
    return table


@dataclass(frozen=True, slots=True)
class Request:
    """A requested replay. `start` and `end` as `parse_point` reads them; None: no end."""

    start: str
    end: str | None = None
    dry_run: bool = False
    resend: bool = False


@dataclass(frozen=True, slots=True)
class StoredReplay:
    """`run` distinguishes repeated runs of it."""

    id: str
    run: str
    state: str
    request: Request
    tally: Tally
    reason: str | None
    started_at: datetime
    ended_at: datetime | None


def to_replay(row: Any) -> StoredReplay:
    request = Request(row.start, row.past, row.dry_run, row.resend)
    tally = msgspec.convert(row.tally, Tally)
    times = (row.started_at, row.ended_at)
    return StoredReplay(row.id, row.run, row.state, request, tally, row.reason, *times)
