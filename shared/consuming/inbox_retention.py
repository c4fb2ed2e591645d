"""Up to when an inbox has been pruned: whether an older event was done, it cannot tell any more."""

from datetime import datetime

from sqlalchemy import Column, Connection, Integer, MetaData, Table, select

from shared.database.engine import Utc, insert

NAME = "forgotten"

TOO_OLD = "it may have been done: the inbox has been pruned of what was done before"


def forgotten_table(metadata: MetaData) -> Table:
    """A single row, with the id 1, once something has been forgotten."""
    return Table(
        NAME,
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("until", Utc, nullable=False),
    )


def note_forgotten(tx: Connection, inbox: Table, until: datetime) -> None:
    """Write down that rows of events from before this time are about to go."""
    table = inbox.metadata.tables[NAME]
    statement = insert(tx, table).on_conflict_do_update(
        index_elements=["id"], set_={"until": until}, where=table.c.until < until
    )
    tx.execute(statement, {"id": 1, "until": until})


def forgotten_until(tx: Connection, inbox: Table) -> datetime | None:
    """None while nothing has been forgotten."""
    return tx.scalar(select(inbox.metadata.tables[NAME].c.until))
