"""The tables of the order service: orders, outbox, and runs of synchronous orders."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from shared.database.engine import Money, Utc
from shared.faults.store import faults_table

metadata = MetaData()

# SQLite generates row numbers only in a column of exactly the type INTEGER.
_Sequence = BigInteger().with_variant(Integer, "sqlite")

#: `items` is the JSON of the event, byte for byte, so that prices are stored exactly.
orders = Table(
    "orders",
    metadata,
    Column("seq", _Sequence, Identity(), primary_key=True),
    Column("order_id", String(64), nullable=False, unique=True),
    Column("event_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("items", Text, nullable=False),
    Column("total_amount", Money, nullable=False),
    Column("status", String(16), nullable=False),
    Column("placed_at", Utc, nullable=False),
    Column("idempotency_key", String(255)),
    Column("fingerprint", String(64)),
    sqlite_autoincrement=True,
)

# Most orders have no key and need no entry in this index.
_with_a_key = orders.c.idempotency_key.is_not(None)
Index(
    "orders_idempotency_key",
    orders.c.idempotency_key,
    unique=True,
    postgresql_where=_with_a_key,
    sqlite_where=_with_a_key,
)

#: Named as Debezium's outbox event router expects it, plus what our own relay needs.
#: `set_aside`: why the relay cannot publish this row; NULL in a waiting row. After repairing the
#: cause, set it to NULL, and the relay publishes the row.
#: AUTOINCREMENT: otherwise SQLite would reuse the number of a deleted row, and a relay that was
#: slow to delete the old row would delete the new one.
outbox = Table(
    "outbox",
    metadata,
    Column("seq", _Sequence, Identity(), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("aggregatetype", String(64), nullable=False),
    Column("aggregateid", String(64), nullable=False),
    Column("type", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("set_aside", Text),
    sqlite_autoincrement=True,
)

#: A synchronous order has a row here and none in the outbox. `lease_until`: end of the lease of
#: the process working on it, in seconds since 1970; 0 if there is none. `stages`: the calls of
#: the last completed run, as JSON.
runs = Table(
    "runs",
    metadata,
    Column("order_id", String(64), primary_key=True),
    Column("mode", String(8), nullable=False),
    Column("lease_until", Float, nullable=False, index=True),
    Column("stages", Text, nullable=False),
)

faults = faults_table(metadata)
