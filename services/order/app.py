"""Composes one worker of the order service."""

from services.order.journey import Consumers
from services.order.outbox import Bound
from services.order.settings import OrderSettings
from services.order.views import create_order_app
from shared.database import open_database
from shared.server import Process


def compose(settings: OrderSettings) -> Process:
    """Called in every worker, after the fork."""
    engine = open_database(settings.database_url)
    # A connection for each thread, so that nobody waits for one to place an order.
    placing = open_database(settings.database_url, pool_size=settings.threads, autocommit=True)
    app = create_order_app(
        engine,
        placing,
        Bound(engine, settings.outbox_limit),
        consumers=Consumers(settings.consumer_urls),
        token=settings.operator_token,
    )
    return Process(app)
