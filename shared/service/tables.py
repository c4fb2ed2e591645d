"""The tables of every consumer, in addition to its own."""

from dataclasses import dataclass

from sqlalchemy import MetaData, Table

from shared.consuming.crash_suspects import starts_table
from shared.consuming.history import history_table
from shared.consuming.inbox import inbox_table
from shared.consuming.tables import Tables
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.faults.store import faults_table
from shared.replay.table import replays_table


@dataclass(frozen=True, slots=True)
class ConsumerTables(Tables):
    """The inbox and the history, and the tables of suspects, replays and faults."""

    starts: Table
    replays: Table
    faults: Table

    @property
    def metadata(self) -> MetaData:
        """All tables of the service: these and its own."""
        return self.inbox.metadata


def consumer_tables(metadata: MetaData) -> ConsumerTables:
    """Define these tables in the `metadata` of a service. Its migrate step creates them."""
    return ConsumerTables(
        inbox=inbox_table(metadata),
        history=history_table(metadata),
        starts=starts_table(metadata),
        replays=replays_table(metadata),
        faults=faults_table(metadata),
    )


def create_tables(database_url: str, tables: ConsumerTables) -> None:
    """Create missing tables: these and the service's own."""
    create_schema(open_database(database_url), tables.metadata)
