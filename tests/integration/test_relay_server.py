"""The relay as a process, on the embedded broker: its HTTP side, and a second relay."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.transport import Broker, connect
from tests.order_service import OrderService
from tests.relay_parts import CONSUMERS
from tests.service_process import ServiceProcess
from tests.waiting import eventually

RELAY = "services.order.relay"


@pytest.fixture
def service(sqlite_url: str) -> Iterator[OrderService]:
    with OrderService(sqlite_url) as made:
        yield made


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": sqlite_url,
        "BROKER_URL": f"sqlite:///{tmp_path / 'broker.db'}",
        "CONSUMERS": ",".join(CONSUMERS),
    }


@pytest.fixture
def broker(settings: dict[str, str]) -> Broker:
    return connect(settings["BROKER_URL"])


def test_it_reports_why_it_is_not_ready_and_how_many_rows_are_waiting(
    service: OrderService, broker: Broker, settings: dict[str, str], tmp_path: Path
) -> None:
    service.post()
    with ServiceProcess(RELAY, tmp_path, **settings) as relay:
        eventually(lambda: "topology" in relay.get("/health/ready")["reason"])
        state = relay.get("/health/ready")
        assert (state["ready"], state["role"], state["pending"]) == (False, "standby", 1)
        assert state["oldestAgeSeconds"] > 0
        assert "outbox_pending 1.0" in relay.get_text("/metrics")
        broker.declare(CONSUMERS)
        eventually(lambda: relay.get("/health/ready")["ready"])
        eventually(lambda: relay.get("/health/ready")["pending"] == 0)
        state = relay.get("/health/ready")
        assert state == {
            "ready": True,
            "reason": None,
            "role": "active",
            "pending": 0,
            "oldestAgeSeconds": None,
            "setAside": 0,
        }
        metrics = relay.get_text("/metrics")
        for sample in ("outbox_pending 0.0", "outbox_published_total 1.0"):
            assert sample in metrics
        assert "outbox_oldest_age_seconds 0.0" in metrics
    assert broker.depth("email").ready == 1


def test_a_second_relay_takes_over_from_a_killed_one(
    service: OrderService, broker: Broker, settings: dict[str, str], tmp_path: Path
) -> None:
    broker.declare(CONSUMERS)
    with (
        ServiceProcess(RELAY, tmp_path, **settings) as first,
        ServiceProcess(RELAY, tmp_path, **settings) as second,
    ):
        both = [first, second]
        eventually(lambda: all(relay.get("/health/ready")["ready"] for relay in both))
        [active] = [r for r in both if r.get("/health/ready")["role"] == "active"]
        [standby] = [r for r in both if r is not active]
        service.post()
        eventually(lambda: service.rows() == (1, 0))
        active.end(signal.SIGKILL)
        service.post()
        eventually(lambda: standby.get("/health/ready")["role"] == "active", within=5)
        eventually(lambda: service.rows() == (2, 0))
    assert broker.depth("email").ready == 2


def test_it_stops_cleanly(
    service: OrderService, broker: Broker, settings: dict[str, str], tmp_path: Path
) -> None:
    broker.declare(CONSUMERS)
    with ServiceProcess(RELAY, tmp_path, **settings) as relay:
        for _ in range(20):
            service.post()
        relay.end()
        assert "relay.died" not in relay.log
    # Each row is either published and deleted, or still in the outbox.
    assert broker.depth("email").ready + service.rows()[1] == 20
