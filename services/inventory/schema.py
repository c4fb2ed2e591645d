"""The database of inventory: the stock, every movement of it, and what every consumer has."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from shared.database.engine import Utc
from shared.service.tables import consumer_tables

metadata = MetaData()
tables = consumer_tables(metadata)

products = Table(
    "products",
    metadata,
    Column("product_id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("initial", BigInteger, nullable=False),
    Column("on_hand", BigInteger, nullable=False),
    CheckConstraint("on_hand >= 0", name="stock_is_never_negative"),
)

#: A row for each product of each order. What was not there, or is no product of ours, is
#: backordered.
movements = Table(
    "movements",
    metadata,
    # SQLite numbers rows by itself only in a column that is exactly INTEGER.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("event_id", String(64), nullable=False),
    Column("order_id", String(64), nullable=False, index=True),
    Column("product_id", String(64), nullable=False),
    Column("requested", BigInteger, nullable=False),
    Column("moved", BigInteger, nullable=False),
    Column("backordered", BigInteger, nullable=False),
    Column("at", Utc, nullable=False),
    UniqueConstraint("event_id", "product_id"),
    CheckConstraint("moved >= 0 AND backordered >= 0", name="no_movement_is_negative"),
    CheckConstraint("moved + backordered = requested", name="nothing_requested_is_forgotten"),
)
