"""The database of sms: nothing but what every consumer has. What it sent is at the far end."""

from sqlalchemy import MetaData

from shared.inbox import inbox_table
from shared.starts import starts_table

metadata = MetaData()
inbox = inbox_table(metadata)
starts = starts_table(metadata)
