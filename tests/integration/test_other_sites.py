"""Every HTTP process refuses requests that other sites' pages make a browser send."""

from pathlib import Path

import httpx
import pytest

from services.order.schema import metadata
from shared.database.engine import open_database
from shared.database.schema import create_schema
from tests.service_process import ServiceProcess

#: For each process, a request that needs no token.
PROCESSES = {
    "simulators.mail_sink": ("DELETE", "/api/v1/messages"),
    "simulators.sms_gateway": ("DELETE", "/behaviour"),
    "services.order": ("POST", "/orders"),
    "services.email": ("POST", "/events"),
}


@pytest.mark.parametrize("module", PROCESSES)
def test_requests_with_a_foreign_host_or_origin_are_refused(
    module: str, sqlite_url: str, tmp_path: Path
) -> None:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    engine.dispose()
    settings = {"DATABASE_URL": sqlite_url, "BROKER_URL": f"sqlite:///{tmp_path}/broker.db"}
    method, path = PROCESSES[module]

    def answer(**headers: str) -> httpx.Response:
        return httpx.request(method, service.url + path, headers=headers, timeout=10)

    with ServiceProcess(module, tmp_path, ALLOWED_HOSTS="shop.example", **settings) as service:
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            assert answer(**headers).status_code == 403
        for host in ("127.0.0.1", "email:8001", "shop.example"):
            assert answer(Host=host).status_code != 403
        live = httpx.get(service.url + "/health/live", headers={"Host": "any.name.at.all"})
        assert live.status_code == 200
