"""The analytics service as a process, on SQLite and on PostgreSQL."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.builders import an_event, an_item
from tests.pipeline import Pipeline, lines, wait_ready
from tests.service_process import ServiceProcess


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def analytics(request: pytest.FixtureRequest, pipeline: Pipeline) -> Iterator[ServiceProcess]:
    url = request.getfixturevalue(request.param)
    with pipeline.service("analytics", DATABASE_URL=url) as analytics:
        wait_ready(analytics)
        yield analytics


def test_every_order_is_recorded_once(pipeline: Pipeline, analytics: ServiceProcess) -> None:
    now = datetime.now(UTC)
    events = [an_event(an_item("prod-456", 2, "49.99"), time=now) for _ in range(500)]
    pipeline.publish(*events, *events[:100])
    pipeline.wait_settled("analytics")
    assert analytics.get_text("/totals") == '{"orders":500,"revenue":49990.00}'
    [product] = analytics.get("/products")["products"]
    assert (product["productId"], product["quantity"]) == ("prod-456", 1000)
    minutes = analytics.get("/orders-per-minute")["minutes"]
    assert sum(minute["orders"] for minute in minutes) == 500
    facts = lines(analytics, "/effects")
    assert sorted(fact["eventId"] for fact in facts) == sorted(event.id for event in events)


def test_after_a_crash_half_way_every_order_is_recorded_once(
    pipeline: Pipeline, analytics: ServiceProcess
) -> None:
    events = [an_event() for _ in range(2000)]
    pipeline.publish(*events)
    analytics.end(signal.SIGKILL)
    analytics.start()
    pipeline.wait_settled("analytics")
    facts = lines(analytics, "/effects")
    assert sorted(fact["eventId"] for fact in facts) == sorted(event.id for event in events)
    assert pipeline.depth("analytics").dead == 0
