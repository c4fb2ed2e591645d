"""Email tables: only those of every consumer, since mails are stored by the mail server."""

from sqlalchemy import MetaData

from shared.service.tables import consumer_tables

metadata = MetaData()
tables = consumer_tables(metadata)
