"""Shipping tables: one shipment per order, the joining time, and the tables of every consumer."""

from sqlalchemy import Column, Integer, MetaData, String, Table

from shared.database.engine import Utc
from shared.service.tables import consumer_tables

metadata = MetaData()
tables = consumer_tables(metadata)

shipments = Table(
    "shipments",
    metadata,
    Column("shipment_id", String(64), primary_key=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("order_id", String(64), nullable=False, index=True),
    #: Total quantity over all products.
    Column("items", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", Utc, nullable=False),
)

#: A single row, with the id 1: the time at which this service joined.
joined = Table(
    "joined",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
)
