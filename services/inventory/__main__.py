"""`python -m services.inventory`: reserves stock for every order."""

from services.inventory.handler import move_stock
from services.inventory.schema import tables
from services.inventory.settings import InventorySettings
from services.inventory.stock import list_movements, stock_views
from shared.service.compose import WrapEffect, compose_consumer, serve_consumer, unchanged
from shared.service.own_database import Write, apply_once, transactional
from shared.serving.server import Process
from shared.settings import main
from shared.transport import Broker

#: Maximum number of events per transaction. One commit per event would cost three times as much.
BATCH = 100


def compose(
    settings: InventorySettings,
    *,
    broker: Broker | None = None,
    write: Write = move_stock,
    wrap_effect: WrapEffect = unchanged,
) -> Process:
    """Assemble the process; tests can replace each part with outside effects."""
    return compose_consumer(
        settings,
        name="inventory",
        tables=tables,
        effect=transactional(write, work_time=settings.work_time),
        # Stock was allocated first come, first served, so a replay never rewrites movements.
        replay=apply_once(batch=BATCH),
        list_effects=list_movements,
        batch=BATCH,
        views=[stock_views],
        broker=broker,
        wrap_effect=wrap_effect,
    )


def run(settings: InventorySettings) -> None:
    serve_consumer("inventory", settings, compose)


if __name__ == "__main__":
    main(InventorySettings, run)
