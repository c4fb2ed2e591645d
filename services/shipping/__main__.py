"""`python -m services.shipping`: prepares a shipment for every order placed after it joined."""

from functools import partial

from services.shipping.handler import create_shipments, forget_shipments
from services.shipping.joining import note_joining
from services.shipping.schema import tables
from services.shipping.settings import ShippingSettings
from services.shipping.shipments import list_shipments, shipment_views
from shared.service.compose import WrapEffect, compose_consumer, serve_consumer, unchanged
from shared.service.own_database import Write, rebuild, transactional
from shared.serving.server import Process
from shared.settings import main
from shared.transport import Broker

NAME = "shipping"
#: Maximum number of events per transaction.
BATCH = 100


def compose(
    settings: ShippingSettings,
    *,
    broker: Broker | None = None,
    write: Write = create_shipments,
    wrap_effect: WrapEffect = unchanged,
) -> Process:
    """Assemble the process; tests can replace each part with outside effects."""
    return compose_consumer(
        settings,
        name=NAME,
        tables=tables,
        effect=transactional(write, work_time=settings.work_time),
        replay=rebuild(forget_shipments, write),
        list_effects=list_shipments,
        batch=BATCH,
        views=[shipment_views],
        when_ready=partial(note_joining, service=NAME),
        broker=broker,
        wrap_effect=wrap_effect,
    )


def run(settings: ShippingSettings) -> None:
    serve_consumer(NAME, settings, compose)


if __name__ == "__main__":
    main(ShippingSettings, run)
