"""The database of the gateway: accepted texts, and the configured behaviour."""

from sqlalchemy import JSON, BigInteger, Column, Identity, Integer, MetaData, String, Table, Text

from shared.database.engine import Utc

metadata = MetaData()

texts = Table(
    "texts",
    metadata,
    # SQLite numbers rows by itself only in a column that is exactly INTEGER.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("idempotency_key", String(255), nullable=False, unique=True),
    Column("to", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("accepted_at", Utc, nullable=False),
)

#: At most one row; without it the gateway behaves well.
behaviours = Table(
    "behaviours",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("behaviour", JSON, nullable=False),
)
