"""Requests that another site's page makes a browser send are refused; programs are served."""

import pytest
from flask import Flask

from shared.http.app import create_app, json_response
from shared.http.other_sites import keep_other_sites_out

OURS = [
    "127.0.0.1:8001",
    "[::1]:8001",
    "[fd00::1]",
    "10.1.2.3",
    "localhost",
    "localhost:8001",
    "email:8001",
    "sms-gateway:8026",
    "Shop.example.com",
]
THEIRS = [
    "evil.example",
    "evil.example:8001",
    "127.0.0.1.evil.example",
    "localhost.",
    "localhost.evil.example",
    "evil.example@localhost",
    "127.0.0.1:8001, evil.example",
    "[::1].evil.example",
    "[evil.example]",
    "",
]


@pytest.fixture
def app() -> Flask:
    app = create_app()
    app.add_url_rule("/events", view_func=lambda: json_response({}), methods=["GET", "POST"])
    keep_other_sites_out(app, ["shop.example.com"])
    return app


def status(app: Flask, method: str = "POST", path: str = "/events", **headers: str | None) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    return app.test_client().open(path, method=method, headers=named).status_code


@pytest.mark.parametrize("host", OURS)
def test_safe_addresses_and_host_names_are_served(app: Flask, host: str) -> None:
    assert [status(app, method, Host=host) for method in ("GET", "POST")] == [200, 200]


@pytest.mark.parametrize("host", THEIRS)
def test_a_rebound_host_name_is_refused(app: Flask, host: str) -> None:
    assert [status(app, method, Host=host) for method in ("GET", "POST")] == [403, 403]


@pytest.mark.parametrize("path", ["/health/live", "/metrics"])
def test_probes_are_served_under_any_host_name(app: Flask, path: str) -> None:
    assert status(app, "GET", path, Host="email.default.svc.cluster.local") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://["},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost:8001"},
    ],
)
def test_another_site_cannot_change_data(app: Flask, headers: dict[str, str]) -> None:
    assert status(app, "POST", Host="localhost:8001", **headers) == 403
    assert status(app, "GET", Host="localhost:8001", **headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:8001"},
        {"Origin": "https://localhost:8001"},
        {"Origin": "http://localhost:8001", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_own_pages_and_programs_can_change_data(app: Flask, headers: dict[str, str]) -> None:
    assert status(app, "POST", Host="localhost:8001", **headers) == 200
