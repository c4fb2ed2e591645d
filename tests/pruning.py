"""A consumer's records of any age, and the ones that pruning leaves."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, Table, func, select

from services.email.schema import metadata, tables
from shared.consuming.history import History, Note, Step
from shared.consuming.inbox import DONE
from shared.consuming.prune import prune_consumer
from shared.database.engine import open_database, reading, writing
from shared.database.schema import create_schema
from shared.events import Event
from shared.transport import DeadLetter
from tests.builders import a_message, an_event

history, inbox, starts = tables.history, tables.inbox, tables.starts

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEEP = timedelta(days=30)
#: The smallest time difference that the databases can represent.
TICK = timedelta(microseconds=1)


class Records:
    """The records of the email service, as an example for all consumers."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def applied(
        self, time: datetime, *, at: datetime, state: str = DONE, lease_until: float = 0.0
    ) -> Event:
        """Record an event of this time as applied (or begun) at `at`."""
        event = an_event(time=time)
        row = {"event_id": event.id, "order_id": event.order.order_id, "attempt": 1}
        row |= {"state": state, "lease_until": lease_until, "event_time": time, "at": at}
        with writing(self.engine) as tx:
            tx.execute(inbox.insert(), row)
        return event

    def noted(self, event: Event, step: Step, at: datetime) -> None:
        History(self.engine, history).record_all([a_message(event)], Note(step=step), at)

    def prune(self, *dead: DeadLetter) -> dict[str, int]:
        return prune_consumer(self.engine, tables, starts, dead, keep=KEEP, clock=lambda: NOW)

    def left(self) -> set[str]:
        """The ids of the events that still have a record."""
        with reading(self.engine) as tx:
            return set(tx.scalars(select(inbox.c.event_id)))

    def count(self, table: Table) -> int:
        with reading(self.engine) as tx:
            return tx.scalar(select(func.count()).select_from(table)) or 0


@contextmanager
def records_in(database_url: str) -> Iterator[Records]:
    """Records in a database that may be empty."""
    engine = open_database(database_url)
    create_schema(engine, metadata)
    yield Records(engine)
    engine.dispose()
