"""SMS tables: only those of every consumer, since texts are stored by the gateway."""

from sqlalchemy import MetaData

from shared.service.tables import consumer_tables

metadata = MetaData()
tables = consumer_tables(metadata)
