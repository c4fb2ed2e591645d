"""The dashboard's HTTP side: permissions, and its security headers."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from services.dashboard.app import compose
from services.dashboard.hub import Hub
from services.dashboard.settings import DashboardSettings
from services.dashboard.views import service_views
from shared.http.app import create_app
from tests.dashboard_service import TOKEN, FakeServices

ORIGIN = {"Origin": "http://localhost"}
ACTS = [("POST", "/api/services/email/faults"), ("DELETE", "/api/services/email/faults")]
ACTS += [("POST", f"/api/services/email/dead-letters/{verb}") for verb in ("redrive", "discard")]
ACTS += [("POST", "/api/services/email/replays")]


@pytest.fixture
def client() -> FlaskClient:
    """A client without reachable services: these responses need none."""
    nowhere = "http://127.0.0.1:9"
    settings = DashboardSettings(
        operator_token=SecretStr(TOKEN),
        order_url=nowhere,
        consumer_urls={"email": nowhere},
        mail_url=nowhere,
        sms_gateway_url=nowhere,
    )
    return compose(settings).app.test_client()


def enter_token(client: FlaskClient, token: str = TOKEN) -> Any:
    return client.post("/api/session", json={"token": token}, headers=ORIGIN)


def test_the_page_allows_nothing_from_other_sites(client: FlaskClient) -> None:
    for path in ("/", "/static/js/main.js", "/api/session"):
        with client.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8080", "localhost.", ""])
def test_a_foreign_host_name_is_refused(client: FlaskClient, host: str) -> None:
    for path in ("/", "/api/session"):
        assert client.get(path, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:9000", "[::1]:8080"])
def test_its_own_host_names_are_served_on_any_port(client: FlaskClient, host: str) -> None:
    assert client.get("/api/session", headers={"Host": host}).status_code == 200


def test_probes_may_use_any_host_name(client: FlaskClient) -> None:
    anyhow = {"Host": "dashboard:8080"}
    assert client.get("/health/live", headers=anyhow).status_code == 200
    assert client.get("/metrics", headers=anyhow).status_code == 200


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "https://localhost"])
def test_another_site_cannot_change_anything(client: FlaskClient, origin: str | None) -> None:
    enter_token(client)
    headers = {"Origin": origin} if origin else {}
    for method, path in [*ACTS, ("POST", "/api/lanes/events/orders"), ("POST", "/api/session")]:
        refused = client.open(path, method=method, json={}, headers=headers)
        assert (refused.status_code, refused.get_json(force=True)["title"]) == (403, "Another site")


@pytest.mark.parametrize(("method", "path"), ACTS)
def test_changing_a_service_needs_the_token(client: FlaskClient, method: str, path: str) -> None:
    assert client.open(path, method=method, json={}, headers=ORIGIN).status_code == 401
    assert enter_token(client, "a-wrong-token-for-operators").status_code == 401
    assert client.open(path, method=method, json={}, headers=ORIGIN).status_code == 401
    assert enter_token(client).status_code == 200
    # Now it is forwarded to a service that is unreachable.
    assert client.open(path, method=method, json={}, headers=ORIGIN).status_code == 502
    client.delete("/api/session", headers=ORIGIN)
    assert client.open(path, method=method, json={}, headers=ORIGIN).status_code == 401


def test_a_session_ends_after_half_a_day(client: FlaskClient) -> None:
    cookie = SimpleCookie(enter_token(client).headers["Set-Cookie"])
    expires = parsedate_to_datetime(cookie["dashboard"]["expires"])
    left = expires - datetime.now(UTC)
    assert timedelta(hours=11, minutes=59) < left <= timedelta(hours=12)


def test_the_cookie_is_not_the_token_and_no_script_can_read_it(client: FlaskClient) -> None:
    cookie = enter_token(client).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie


def test_a_forged_cookie_is_refused(client: FlaskClient) -> None:
    client.set_cookie("dashboard", "eyJvcGVyYXRvciI6dHJ1ZX0.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert client.get("/api/session").get_json() == {"operator": False}


def test_operator_requests_are_forwarded_with_the_token() -> None:
    services = FakeServices({("POST", "/faults"): {"faults": []}, ("GET", "/replays"): 409})
    app = create_app()
    looks, acts = service_views({"email": services.neighbour()})
    acts.before_request_funcs.clear()
    app.register_blueprint(looks)
    app.register_blueprint(acts)
    client = app.test_client()
    assert client.post("/api/services/email/faults", data=b'{"outage": true}').status_code == 200
    [request] = services.requests
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.content == b'{"outage": true}'
    refused = client.get("/api/services/email/replays")
    assert (refused.status_code, refused.get_json(force=True)["detail"]) == (
        409,
        "told to answer 409",
    )


@pytest.mark.parametrize("what", ["effects", "events", "faults/../effects", "dead-letters/notice"])
def test_nothing_else_is_forwarded(client: FlaskClient, what: str) -> None:
    enter_token(client)
    path = f"/api/services/email/{what}"
    assert client.get(path).status_code == 404
    assert client.post(path, json={}, headers=ORIGIN).status_code == 404
    assert client.get("/api/services/nobody/replays").status_code == 404


def test_orders_use_the_modes_of_their_lane(client: FlaskClient) -> None:
    for lane, mode in (("events", "sync"), ("calls", "async"), ("nowhere", "async")):
        path = f"/api/lanes/{lane}/orders"
        assert client.post(path, json={"mode": mode}, headers=ORIGIN).status_code == 404
    for run in ({"mode": "async"}, {"mode": "async", "count": 10_001, "rate": 1}):
        path = "/api/lanes/events/run"
        assert client.post(path, json=run, headers=ORIGIN).status_code == 400


def test_an_unavailable_service_gives_a_problem_document(client: FlaskClient) -> None:
    answer = client.get("/api/orders")
    assert (answer.status_code, answer.get_json(force=True)["title"]) == (502, "No response")
    placed = client.post("/api/lanes/events/orders", json={"mode": "async"}, headers=ORIGIN)
    assert (placed.status_code, placed.get_json()["status"]) == (200, 0)
    assert client.get("/api/orders/..%00").status_code in (404, 400)


# --- the stream ----------------------------------------------------------------------------------


def test_a_watcher_gets_later_snapshots() -> None:
    hub = Hub()
    hub.publish(b'{"old": 1}')
    stream = hub.stream()
    assert next(stream) == b"retry: 1000\n\n"
    hub.publish(b'{"new": 1}')
    assert next(stream) == b'id: 2\nevent: snapshot\ndata: {"new": 1}\n\n'


def test_a_slow_watcher_gets_the_newest_snapshot_only() -> None:
    hub = Hub()
    stream = hub.stream()
    next(stream)
    for number in range(5):
        hub.publish(b"%d" % number)
    assert next(stream) == b"id: 5\nevent: snapshot\ndata: 4\n\n"


def test_the_number_of_watchers_is_limited() -> None:
    hub = Hub(most=1)
    assert not hub.wait_for_watcher(0)
    stream = hub.stream()
    next(stream)
    assert hub.wait_for_watcher(0)
    assert hub.is_full
    stream.close()
    assert not hub.is_full


def test_streams_end_with_the_process() -> None:
    hub = Hub()
    stream = hub.stream()
    next(stream)
    ended: list[bool] = []
    reader: Callable[[], None] = lambda: ended.append(list(stream) is not None)  # noqa: E731
    thread = threading.Thread(target=reader)
    thread.start()
    hub.close()
    thread.join(5)
    assert ended == [True]
