"""The fault command, against the order service and fake services."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orderctl.app import create_app
from orderctl.fault.bad_messages import POISON
from orderctl.stack.ports import free_ports
from shared.events import decode
from shared.transport import Message, connect
from shop.consumers import CONSUMERS
from tests.documented import TOKEN
from tests.documented_service import AN_ORDER, DocumentedService
from tests.serving import served


class Place:
    """An order service at an address, a broker, and the `fault` command set up for them."""

    def __init__(self, service: DocumentedService, url: str, broker: str) -> None:
        self.service = service
        self.broker = broker
        nobody = f"http://127.0.0.1:{free_ports()['email']}"
        self.env = {
            "ORDER_URL": url,
            **{f"{name.upper()}_URL": url for name in CONSUMERS},
            "SHIPPING_URL": nobody,
            "OPERATOR_TOKEN": TOKEN,
            "BROKER_URL": broker,
            "COLUMNS": "200",
        }

    def fault(self, *words: str) -> Any:
        return CliRunner().invoke(create_app(), ["fault", *words], env=self.env)

    def faults(self, service: str = "email") -> list[tuple[str, str]]:
        found = json.loads(self.fault(service, "--json").stdout)["faults"]
        return [(fault["kind"], fault["value"]) for fault in found]

    def place(self, mode: str = "async") -> str:
        client = self.service.app.test_client()
        placed: Any = client.post(f"/orders?mode={mode}", json=AN_ORDER).json
        return str(placed["orderId"])

    def delivered(self) -> list[Message]:
        with connect(self.broker).subscribe("email", prefetch=10) as subscription:
            return [delivery.message for delivery in subscription.receive(10, 2.0)]


def a_place(folder: Path, *, allowed: bool) -> Iterator[Place]:
    broker = f"sqlite:///{folder / 'broker.db'}"
    connect(broker).declare(["email"])
    with (
        DocumentedService(f"sqlite:///{folder / 'o.db'}", faults_allowed=allowed) as service,
        served(service.app) as url,
    ):
        yield Place(service, url, broker)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    yield from a_place(tmp_path, allowed=True)


@pytest.fixture
def quiet_place(tmp_path: Path) -> Iterator[Place]:
    """A service with fault injection off, the default."""
    yield from a_place(tmp_path, allowed=False)


def test_faults_are_started_shown_and_cleared(place: Place) -> None:
    begun = place.fault("email", "--latency", "2", "--failures", "0.2", "--for", "60")
    assert begun.exit_code == 0
    assert [line.split()[:2] for line in begun.stdout.splitlines()[1:]] == [
        ["failures", "0.2"],
        ["latency", "2"],
    ]
    assert place.faults() == [("failures", "0.2"), ("latency", "2")]
    assert "email has no faults" in place.fault("email", "--clear").stdout
    assert place.faults() == []


def test_clear_with_services_clears_only_these(place: Place) -> None:
    place.fault("email", "--latency", "2")
    place.fault("email", "--clear", "--crash", "after")
    assert place.faults() == [("crash", "after")]


def test_clear_alone_clears_all_services(place: Place) -> None:
    place.fault("order", "--outage")
    ended = place.fault("--clear")
    assert (ended.exit_code, ended.stdout) == (0, "No service has a fault.\n")
    assert place.faults("order") == []


def test_clear_reports_unreachable_services(place: Place) -> None:
    place.env["SMS_URL"] = place.env["SHIPPING_URL"]
    ended = place.fault("--clear")
    assert ended.exit_code == 1
    assert "sms does not respond" in ended.stdout
    assert "Not all faults were cleared." in ended.stdout


def test_with_fault_injection_off_there_is_nothing_to_clear(quiet_place: Place) -> None:
    assert quiet_place.fault("--clear").exit_code == 0


@pytest.mark.parametrize("words", [["email", "--outage"], ["poison"], ["email"]])
def test_where_faults_are_off_they_are_refused(quiet_place: Place, words: list[str]) -> None:
    refused = quiet_place.fault(*words)
    assert refused.exit_code == 1
    assert "FAULTS_ALLOWED" in refused.stderr
    assert quiet_place.delivered() == []


def test_invalid_faults_are_usage_errors(place: Place) -> None:
    refused = place.fault("email", "--latency", "long")
    assert refused.exit_code == 2
    assert "latency is 'long'" in refused.stderr


def test_a_wrong_token_is_reported(place: Place) -> None:
    place.env["OPERATOR_TOKEN"] = "another-token-of-somebody"
    refused = place.fault("email", "--outage")
    assert refused.exit_code == 1
    assert "set OPERATOR_TOKEN" in refused.stderr


def test_an_orders_event_is_published_again(place: Place) -> None:
    order_id = place.place()
    assert place.fault("duplicate", order_id, "--count", "2").exit_code == 0
    found = place.delivered()
    order: Any = place.service.app.test_client().get(f"/orders/{order_id}").json
    assert [message.id for message in found] == [order["eventId"]] * 2
    assert decode(found[0].body).order_id == found[0].key == order_id


def test_an_order_without_an_event_has_no_duplicate(place: Place) -> None:
    for order_id, reason in ((place.place("sync"), "never published"), ("ord-x", "has no order")):
        refused = place.fault("duplicate", order_id)
        assert refused.exit_code == 1
        assert reason in refused.stderr
    assert place.delivered() == []


def test_poison_is_published(place: Place) -> None:
    assert place.fault("poison", "--count", "2").exit_code == 0
    found = place.delivered()
    assert [message.body for message in found] == [POISON] * 2
    assert len({message.id for message in found}) == 2
