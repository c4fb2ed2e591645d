"""Records up to when an inbox has been pruned: for older events, a missing row proves nothing."""

from datetime import datetime

from sqlalchemy import Column, Connection, Integer, MetaData, Table, select

from shared.database.engine import Utc, insert

NAME = "forgotten"

TOO_OLD = "it may have been done: the inbox has been pruned of events before"


def forgotten_table(metadata: MetaData) -> Table:
    """Holds a single row with id 1, written by the first prune."""
    return Table(
        NAME,
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("until", Utc, nullable=False),
    )


def note_forgotten(tx: Connection, inbox: Table, until: datetime) -> None:
    """Record that rows of events before this time are about to be deleted."""
    table = inbox.metadata.tables[NAME]
    statement = insert(tx, table).on_conflict_do_update(
        index_elements=["id"], set_={"until": until}, where=table.c.until < until
    )
    tx.execute(statement, {"id": 1, "until": until})


def forgotten_until(tx: Connection, inbox: Table) -> datetime | None:
    """The time up to which rows have been pruned; None if none have been."""
    return tx.scalar(select(inbox.metadata.tables[NAME].c.until))
