"""The inventory service as a process, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import an_event, an_item
from tests.pipeline import Pipeline, lines, post_event, wait_ready
from tests.service_process import ServiceProcess


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def inventory(request: pytest.FixtureRequest, pipeline: Pipeline) -> Iterator[ServiceProcess]:
    url = request.getfixturevalue(request.param)
    with pipeline.service("inventory", DATABASE_URL=url, WORK_TIME="0.05") as inventory:
        wait_ready(inventory)
        yield inventory


def test_each_order_moves_stock_once(pipeline: Pipeline, inventory: ServiceProcess) -> None:
    events = [an_event(an_item("prod-456", 2), an_item("prod-777", 1)) for _ in range(250)]
    pipeline.publish(*events, *events[:50])
    pipeline.wait_settled("inventory")
    assert inventory.get("/stock/prod-456")["onHand"] == 10_000 - 500
    assert inventory.get("/stock/prod-777")["onHand"] == 0
    movements = lines(inventory, "/effects")
    assert len(movements) == 500
    assert sum(m["backordered"] for m in movements if m["productId"] == "prod-777") == 250 - 12
    [pieces, seat] = inventory.get(f"/orders/{events[0].order.order_id}")["effects"]
    assert (pieces["moved"], seat["requested"]) == (2, 1)


def test_an_event_over_http_has_one_effect_with_that_from_the_queue(
    pipeline: Pipeline, inventory: ServiceProcess
) -> None:
    event = an_event(an_item("prod-456", 2))
    assert post_event(inventory, event) == (200, {"outcome": "applied"})
    pipeline.publish(event)
    pipeline.wait_settled("inventory")
    assert inventory.get("/stock/prod-456")["onHand"] == 10_000 - 2
