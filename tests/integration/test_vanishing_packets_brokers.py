"""The relay and a consumer while packets to the broker are dropped, and afterwards."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.transport import Depth
from tests.order_service import OrderService
from tests.packets import Firewall
from tests.pipeline import Pipeline, lines
from tests.service_process import ServiceProcess
from tests.waiting import eventually
from tools.servers.postgres import ADDRESS

#: Time to notice: two heartbeats on RabbitMQ, a missing confirm on Kafka.
BOUND_SECONDS = 60.0


@dataclass(frozen=True)
class Wire:
    """The network path to a broker, which can be cut."""

    url: str
    port: int
    firewall: Firewall

    def cut(self) -> AbstractContextManager[None]:
        return self.firewall.dropping(ADDRESS, self.port)


@pytest.fixture(params=["rabbitmq", "kafka"])
def wire(request: pytest.FixtureRequest, firewall: Firewall) -> Wire:
    server = request.getfixturevalue(request.param)
    if request.param == "kafka":
        return Wire(request.getfixturevalue("kafka_url"), server.port, firewall)
    return Wire(request.getfixturevalue("amqp_url") + "?heartbeat=4", server.port, firewall)


@pytest.fixture
def service(sqlite_url: str) -> Iterator[OrderService]:
    with OrderService(sqlite_url) as made:
        yield made


def is_ready(service: ServiceProcess) -> bool:
    return bool(service.get("/health/ready")["ready"])


def test_nothing_is_lost_or_applied_twice(
    service: OrderService, sqlite_url: str, wire: Wire, tmp_path: Path
) -> None:
    pipeline = Pipeline(tmp_path, wire.url)
    with pipeline.relay(sqlite_url) as relay, pipeline.service("analytics") as analytics:

        def applied() -> list[str]:
            return sorted(fact["orderId"] for fact in lines(analytics, "/effects"))

        placed = sorted(service.post().get_json()["orderId"] for _ in range(10))
        eventually(lambda: applied() == placed)
        with wire.cut():
            placed = sorted(placed + [service.post().get_json()["orderId"] for _ in range(10)])
            eventually(lambda: not is_ready(relay), within=BOUND_SECONDS)
            eventually(lambda: not is_ready(analytics), within=BOUND_SECONDS)
        eventually(lambda: is_ready(relay) and is_ready(analytics), within=BOUND_SECONDS)
        eventually(lambda: applied() == placed, within=BOUND_SECONDS)
        eventually(lambda: service.rows() == (20, 0))
    assert pipeline.depth("analytics") == Depth(ready=0, retrying=0, dead=0)
