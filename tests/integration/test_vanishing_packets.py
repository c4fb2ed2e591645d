"""Behaviour of every part while packets to PostgreSQL are dropped, and afterwards.

The timeouts are those of `shared/database/engine.py`, about ten seconds, and twice that for a
request that waits for another one.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from services.order.relay.lock import LOCK
from shared.transport import Depth
from tests.builders import an_event
from tests.order_service import AN_ORDER, OrderService
from tests.packets import Firewall
from tests.pipeline import Pipeline, lines, wait_ready
from tests.service_process import ServiceProcess
from tests.waiting import eventually
from tools.servers import PostgresServer
from tools.servers.postgres import ADDRESS, OTHER_ADDRESS

#: The longest response time: detecting a dead connection, plus waiting for one from the pool.
BOUND_SECONDS = 30.0

LOCK_HOLDERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"


class Wire:
    """A second network path to the same database, used by one client, which can be cut."""

    def __init__(self, server: PostgresServer, url: str, firewall: Firewall) -> None:
        self.url = url.replace(ADDRESS, OTHER_ADDRESS)
        self._server = server
        self._firewall = firewall

    def cut(self) -> AbstractContextManager[None]:
        return self._firewall.dropping(OTHER_ADDRESS, self._server.port)


@pytest.fixture
def wire(postgres: PostgresServer, postgres_url: str, firewall: Firewall) -> Wire:
    return Wire(postgres, postgres_url, firewall)


@pytest.fixture
def service(postgres_url: str) -> Iterator[OrderService]:
    """An order service whose own path to the database is never cut."""
    with OrderService(postgres_url) as made:
        yield made


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


def post(server: ServiceProcess) -> int:
    answer = httpx.post(server.url + "/orders", json=AN_ORDER, timeout=BOUND_SECONDS)
    return answer.status_code


def health(server: ServiceProcess) -> Any:
    return httpx.get(server.url + "/health/ready", timeout=BOUND_SECONDS).json()


def test_every_request_gets_a_response(service: OrderService, wire: Wire, tmp_path: Path) -> None:
    with (
        ServiceProcess("services.order", tmp_path, DATABASE_URL=wire.url) as server,
        ThreadPoolExecutor(80) as customers,
    ):

        def answers() -> list[int]:
            return list(customers.map(lambda _: post(server), range(80)))

        assert answers() == [202] * 80
        with wire.cut():
            assert answers() == [503] * 80
            assert health(server)["ready"] is False
        eventually(lambda: health(server)["ready"])
        assert answers() == [202] * 80
    assert service.rows() == (160, 160)


def test_a_consumer_resumes_and_applies_every_event_once(pipeline: Pipeline, wire: Wire) -> None:
    events = [an_event() for _ in range(20)]
    with pipeline.service("analytics", DATABASE_URL=wire.url) as analytics:
        pipeline.publish(*events[:10])
        pipeline.wait_settled("analytics")
        with wire.cut():
            pipeline.publish(*events[10:])
            eventually(lambda: "dependency.unavailable" in analytics.log, within=BOUND_SECONDS)
            eventually(lambda: not health(analytics)["ready"], within=BOUND_SECONDS)
        pipeline.wait_settled("analytics")
        wait_ready(analytics)
        assert sorted(fact["eventId"] for fact in lines(analytics, "/effects")) == sorted(
            event.id for event in events
        )
    assert pipeline.depth("analytics") == Depth(ready=0, retrying=0, dead=0)


def test_the_other_relay_takes_over(
    service: OrderService, pipeline: Pipeline, postgres_url: str, wire: Wire
) -> None:
    with (
        pipeline.relay(wire.url) as cut_off,
        psycopg.connect(postgres_url, autocommit=True) as operator,
    ):
        eventually(lambda: health(cut_off)["role"] == "active")
        with pipeline.relay(postgres_url) as other:
            eventually(lambda: health(other)["ready"])
            with wire.cut():
                service.post()
                eventually(lambda: health(other)["role"] == "active", within=BOUND_SECONDS)
                eventually(lambda: service.rows() == (1, 0))
                state = health(cut_off)
                assert (state["ready"], state["role"]) == (False, "standby")
            eventually(lambda: health(cut_off)["ready"], within=BOUND_SECONDS)
            service.post()
            eventually(lambda: service.rows() == (2, 0))
            assert [health(relay)["role"] for relay in (cut_off, other)] == ["standby", "active"]
            assert operator.execute(LOCK_HOLDERS, [LOCK]).fetchall() == [(1,)]
    assert pipeline.depth("email").ready == 2
