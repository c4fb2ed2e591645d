"""Services that refuse a certificate: they wait and say why, and no event is lost or used up."""

from pathlib import Path
from typing import Any

import pytest

from shared.transport import connect
from shop.consumers import CONSUMERS
from tests.builders import an_event
from tests.certificates import Authority
from tests.integration.tls.brokers import TlsBroker
from tests.order_service import OrderService
from tests.pipeline import Pipeline, lines, wait_ready
from tests.service_process import ServiceProcess
from tests.waiting import eventually, stays

ADVICE = "takes the file with the certificate of its authority"


def health(service: ServiceProcess) -> dict[str, Any]:
    found: dict[str, Any] = service.get("/health/ready")
    return found


def stays_away(service: ServiceProcess) -> None:
    """Assert that it is not ready because of the certificate, and remains so."""
    eventually(lambda: ADVICE in health(service)["reason"])
    stays(lambda: not health(service)["ready"], for_seconds=1.5)


@pytest.mark.parametrize("tls_broker", ["rabbitmq", "kafka"], indirect=True)
def test_a_consumer_that_does_not_trust_its_broker(
    tls_broker: TlsBroker, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    pipeline, event = Pipeline(tmp_path, tls_broker.url(authority.file)), an_event()
    # Kafka's topic has the events of other tests as well.
    earlier = pipeline.depth("analytics").ready
    pipeline.publish(event)
    with pipeline.service("analytics", BROKER_URL=tls_broker.url(stranger.file)) as service:
        stays_away(service)
    depth = pipeline.depth("analytics")
    assert (depth.ready, depth.retrying, depth.dead) == (earlier + 1, 0, 0)
    with pipeline.service("analytics") as service:
        pipeline.wait_settled("analytics")
        applied = [effect["eventId"] for effect in lines(service, "/effects")]
        assert applied.count(event.id) == 1


@pytest.mark.parametrize("tls_broker", ["rabbitmq", "kafka"], indirect=True)
def test_a_relay_that_does_not_trust_its_broker(
    tls_broker: TlsBroker,
    authority: Authority,
    stranger: Authority,
    sqlite_url: str,
    tmp_path: Path,
) -> None:
    trusted = tls_broker.url(authority.file)
    connect(trusted).declare(CONSUMERS)
    settings = {"DATABASE_URL": sqlite_url, "CONSUMERS": ",".join(CONSUMERS)}
    relay = "services.order.relay"
    with OrderService(sqlite_url) as orders:
        orders.post()
        url = tls_broker.url(stranger.file)
        with ServiceProcess(relay, tmp_path, BROKER_URL=url, **settings) as service:
            stays_away(service)
            assert health(service)["pending"] == 1
        with ServiceProcess(relay, tmp_path, BROKER_URL=trusted, **settings) as service:
            eventually(lambda: health(service)["pending"] == 0)
            wait_ready(service)
