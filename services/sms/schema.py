"""The database of sms: nothing but what every consumer has. What it sent is at the far end."""

from sqlalchemy import MetaData

from shared.service.tables import consumer_tables

metadata = MetaData()
tables = consumer_tables(metadata)
