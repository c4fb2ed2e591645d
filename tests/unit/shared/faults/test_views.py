"""Faults over HTTP: permissions, and their effect on a service."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr

from services.inventory.__main__ import compose
from services.inventory.migrate import stock_up
from services.inventory.schema import metadata
from services.inventory.settings import InventorySettings
from shared.database.engine import open_database
from shared.database.schema import create_schema
from shared.transport import Message, connect
from tests.builders import a_message
from tests.documented import TOKEN
from tests.documented_service import AN_ORDER, DocumentedService

AS_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
LEFT_OPEN = ["/health/live", "/metrics", "/faults"]


def inventory(folder: Path, *, allowed: bool) -> Flask:
    url = f"sqlite:///{folder / 'inventory.db'}"
    engine = open_database(url)
    create_schema(engine, metadata)
    stock_up(engine)
    broker = f"sqlite:///{folder / 'broker.db'}"
    connect(broker).declare(["inventory"])
    settings = InventorySettings(
        database_url=url,
        broker_url=broker,
        operator_token=SecretStr(TOKEN),
        faults_allowed=allowed,
    )
    return compose(settings).app


@pytest.fixture(params=["order", "inventory"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FlaskClient]:
    """A service with fault injection: the order service, or a consumer."""
    if request.param == "inventory":
        yield inventory(tmp_path, allowed=True).test_client()
        return
    with DocumentedService(f"sqlite:///{tmp_path / 'order.db'}", faults_allowed=True) as service:
        yield service.app.test_client()


def ask(client: FlaskClient, **faults: Any) -> Any:
    return client.post("/faults", json=faults, headers=AS_OPERATOR)


def work(client: FlaskClient, message: Message | None = None) -> int:
    """The service's main request: an order for one, an event for the other."""
    if "orders" in {rule.rule.strip("/") for rule in client.application.url_map.iter_rules()}:
        return client.post("/orders", json=AN_ORDER).status_code
    message = message or a_message()
    headers = {"ce-id": message.id, "ce-type": message.type, "ce-time": message.time}
    return client.post("/events", data=message.body, headers=headers).status_code


def test_requested_faults_are_shown_and_cleared(client: FlaskClient) -> None:
    answer = ask(client, latency="uniform:0,0", failures=0.5, seconds=30)
    shown = {fault["kind"]: fault["value"] for fault in answer.json["faults"]}
    assert shown == {"latency": "uniform:0,0", "failures": "0.5"}
    assert all(0 < fault["secondsLeft"] <= 30 for fault in answer.json["faults"])
    assert client.get("/faults", headers=AS_OPERATOR).get_json()["faults"][0]["kind"] == "failures"
    assert client.delete("/faults", headers=AS_OPERATOR).json == {"faults": []}


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_without_the_token_nothing_is_done(client: FlaskClient, method: str) -> None:
    assert getattr(client, method)("/faults", json={"outage": True}).status_code == 401
    assert client.get("/faults", headers=AS_OPERATOR).json == {"faults": []}


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_where_faults_are_off_they_are_refused(tmp_path: Path, method: str) -> None:
    refused = getattr(inventory(tmp_path, allowed=False).test_client(), method)(
        "/faults", json={"outage": True}, headers=AS_OPERATOR
    )
    assert refused.status_code == 403
    assert "FAULTS_ALLOWED" in refused.get_json(force=True)["detail"]


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ({}, 422),
        ({"outage": False}, 422),
        ({"latency": "long"}, 422),
        ({"failures": 1.1}, 400),
        ({"failures": -0.1}, 400),
        ({"crash": "soon"}, 400),
        ({"outage": True, "seconds": 0}, 400),
        ({"outage": True, "seconds": 86401}, 400),
        ({"outages": True}, 400),
    ],
)
def test_invalid_faults_are_refused(
    client: FlaskClient, faults: dict[str, Any], status: int
) -> None:
    assert ask(client, **faults).status_code == status
    assert client.get("/faults", headers=AS_OPERATOR).json == {"faults": []}


def test_in_an_outage_everything_is_refused_except_clearing_it(client: FlaskClient) -> None:
    ask(client, outage=True)
    assert work(client) == 503
    assert client.get("/orders/ord-1").status_code == 503
    assert client.get("/nowhere").status_code == 503
    for path in LEFT_OPEN:
        assert client.get(path, headers=AS_OPERATOR).status_code == 200
    client.delete("/faults", headers=AS_OPERATOR)
    assert work(client) in (200, 202)


def test_in_an_outage_it_is_not_ready(tmp_path: Path) -> None:
    with DocumentedService(f"sqlite:///{tmp_path / 'o.db'}", faults_allowed=True) as service:
        client = service.app.test_client()
        ask(client, outage=True)
        answer = client.get("/health/ready")
        body = answer.get_json()
        assert (answer.status_code, body["ready"]) == (503, False)
        assert "injected outage" in body["reason"]


def test_work_with_an_injected_failure_is_not_done(client: FlaskClient) -> None:
    ask(client, failures=1)
    message = a_message()
    assert work(client, message) == 500
    client.delete("/faults", headers=AS_OPERATOR)
    assert work(client, message) in (200, 202)
