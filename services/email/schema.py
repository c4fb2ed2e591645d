"""The database of email: nothing but what every consumer has. What it sent is at the far end."""

from sqlalchemy import MetaData

from shared.faults import faults_table
from shared.history import history_table
from shared.inbox import inbox_table
from shared.replay_table import replays_table
from shared.starts import starts_table
from shared.story import Tables

metadata = MetaData()
inbox = inbox_table(metadata)
starts = starts_table(metadata)
history = history_table(metadata)
replays = replays_table(metadata)
faults = faults_table(metadata)
tables = Tables(inbox, history)
