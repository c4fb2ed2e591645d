"""Inventory tables: stock, stock movements, and the tables of every consumer."""

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

#: One row per product of each order. Pieces that were out of stock or not in the catalogue are
#: backordered.
movements = Table(
    "movements",
    metadata,
    # SQLite generates row numbers only in a column of exactly the type INTEGER.
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
