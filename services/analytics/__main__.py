"""`python -m services.analytics`: records every order as a fact."""

from services.analytics.handler import write_facts
from services.analytics.reports import list_facts, report_views
from services.analytics.schema import remove_facts, tables
from services.analytics.settings import AnalyticsSettings
from shared.service.compose import WrapEffect, compose_consumer, serve_consumer, unchanged
from shared.service.own_database import Write, rebuild, transactional
from shared.serving.server import Process
from shared.settings import main
from shared.transport import Broker

#: Maximum number of events per transaction. A batch never waits to fill up. The fixed cost of a
#: transaction is about the cost of processing a hundred events.
BATCH = 500


def compose(
    settings: AnalyticsSettings,
    *,
    broker: Broker | None = None,
    write: Write = write_facts,
    wrap_effect: WrapEffect = unchanged,
) -> Process:
    """Assemble the process; tests can replace each part with outside effects."""
    return compose_consumer(
        settings,
        name="analytics",
        tables=tables,
        effect=transactional(write, work_time=settings.work_time),
        replay=rebuild(remove_facts, write),
        list_effects=list_facts,
        batch=BATCH,
        views=[report_views],
        broker=broker,
        wrap_effect=wrap_effect,
    )


def run(settings: AnalyticsSettings) -> None:
    serve_consumer("analytics", settings, compose)


if __name__ == "__main__":
    main(AnalyticsSettings, run)
