"""An inventory service that first records an event as seen, and then moves the stock.

`orderctl demo --keep --orders 0 --with inventory=docs.workshop.broken.inbox_first`
"""

from collections.abc import Sequence

from sqlalchemy import Column, Engine, MetaData, String, Table

from services.inventory.__main__ import compose
from services.inventory.settings import InventorySettings
from shared.consuming.effect import Applied, Effect
from shared.database.bulk_insert import insert_new_rows
from shared.database.engine import open_database, writing
from shared.database.schema import create_schema
from shared.events import Event
from shared.observability import configure_logging
from shared.serving.server import serve
from shared.settings import main

metadata = MetaData()
seen = Table("seen", metadata, Column("event_id", String(64), primary_key=True))


class InboxFirst:
    """Wraps the real effect. The fault: two transactions where one is needed."""

    def __init__(self, effect: Effect, engine: Engine) -> None:
        self._effect = effect
        self._engine = engine

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        with writing(self._engine) as tx:
            new = insert_new_rows(tx, seen, [{"event_id": event.id} for event in events])
        # A process that dies here has recorded the event without applying it.
        fresh = [event for event in events if event.id in new]
        if fresh:
            self._effect.apply(fresh, alone=alone)
        return Applied(now=new, before=frozenset(event.id for event in events) - new)

    def given_up(self, event_id: str) -> None:
        self._effect.given_up(event_id)

    def record_the_rest(self) -> None:
        self._effect.record_the_rest()


def run(settings: InventorySettings) -> None:
    configure_logging("inventory", settings.log_level)
    create_schema(open_database(settings.database_url), metadata)
    serve(
        settings,
        lambda: compose(
            settings,
            wrap_effect=lambda effect: InboxFirst(effect, open_database(settings.database_url)),
        ),
    )


if __name__ == "__main__":
    main(InventorySettings, run)
