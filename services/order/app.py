"""Composes one worker of the order service."""

from functools import partial

from services.order.journey import Consumers
from services.order.outbox import BacklogLimit
from services.order.placing import Place, place_order
from services.order.schema import faults
from services.order.settings import OrderSettings
from services.order.synchronous.calls import StageCalls
from services.order.synchronous.placing import SynchronousPlacing
from services.order.synchronous.runs import Runs
from services.order.views import create_order_app
from shared.database.engine import open_database
from shared.faults.injection import FaultInjector
from shared.faults.store import Faults
from shared.serving.server import Process
from shop.consumers import LATECOMERS


def compose(settings: OrderSettings, *, place: Place = place_order) -> Process:
    """Compose a worker, after the fork. `place` stores an order of the mode async."""
    engine = open_database(settings.database_url)
    # One connection per thread, so that placing an order never waits for a connection.
    placing = open_database(settings.database_url, pool_size=settings.threads, autocommit=True)
    app = create_order_app(
        engine,
        partial(place, placing),
        BacklogLimit(engine, settings.outbox_limit),
        consumers=Consumers(settings.consumer_urls),
        synchronous=_synchronous(settings, Runs(engine)),
        injector=FaultInjector(Faults(engine, faults, allowed=settings.faults_allowed)),
        mode=settings.order_mode,
        token=settings.operator_token,
    )
    return Process(app)


def _synchronous(settings: OrderSettings, runs: Runs) -> SynchronousPlacing:
    # Each of these orders occupies a thread for seconds; other requests keep the other half.
    limit = settings.threads // 2
    # A latecomer may be off, and must not make orders fail.
    urls = {name: url for name, url in settings.consumer_urls.items() if name not in LATECOMERS}
    stages = StageCalls(urls, timeout=settings.call_timeout, orders=limit)
    return SynchronousPlacing(runs, stages, limit=limit)
