"""Analytics tables: one fact per order, one row per item, and the tables of every consumer."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, delete

from shared.database.bulk_insert import Rows, insert_rows
from shared.database.engine import Money, Utc
from shared.service.tables import consumer_tables

metadata = MetaData()
tables = consumer_tables(metadata)

facts = Table(
    "facts",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("order_id", String(64), nullable=False, index=True),
    Column("total_amount", Money, nullable=False),
    # When the order was placed, in whole minutes since 1970. SQLite and PostgreSQL share no
    # function that truncates a time to the minute, but both can group by an integer.
    Column("minute", BigInteger, nullable=False, index=True),
    Column("at", Utc, nullable=False),
)

fact_items = Table(
    "fact_items",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("product_id", String(64), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("revenue", Money, nullable=False),
)


def add_facts(tx: Connection, rows: Rows) -> None:
    insert_rows(tx, facts, rows)


def add_items(tx: Connection, rows: Rows) -> None:
    insert_rows(tx, fact_items, rows)


def remove_facts(tx: Connection, event_ids: Sequence[str]) -> None:
    for table in (fact_items, facts):
        tx.execute(delete(table).where(table.c.event_id.in_(event_ids)))
