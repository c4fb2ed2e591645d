"""Every documented response can be caused, and matches its documentation.

tests/unit/services/order/openapi/test_refusals.py does the same for the order service.
"""

from functools import cache
from pathlib import Path

import pytest
from schemathesis.schemas import BaseSchema
from werkzeug.test import TestResponse

from tests.contract_causes import COMMON, OWN, Cause
from tests.contract_causes_others import DASHBOARD, MAIL_SINK, RELAY, SMS_GATEWAY
from tests.contracts import CONSUMERS, openapi, operations
from tests.documented import schema_of
from tests.http_sides import SIDES, HttpSide, email_side
from tests.tables import connections_closed

Key = tuple[str, str, int]

#: Responses that all consumers share are tested on one of them.
TRIED: dict[str, dict[Key, Cause]] = {
    "email": COMMON,
    **OWN,
    "relay": RELAY,
    "dashboard": DASHBOARD,
    "mail_sink": MAIL_SINK,
    "sms_gateway": SMS_GATEWAY,
}
CASES = [(name, key, cause) for name, causes in TRIED.items() for key, cause in causes.items()]
READY: Key = ("GET", "/health/ready", 200)
#: Tested elsewhere: readiness of a running process in tests/e2e/test_contracts.py, and of the mail
#: sink without its SMTP port in tests/unit/simulators/test_mail_sink.py.
SEEN_ELSEWHERE: dict[str, set[Key]] = {
    **{name: {READY} for name in [*CONSUMERS, "relay", "dashboard"]},
    "mail_sink": {("GET", "/health/ready", 503), ("GET", "/readyz", 503)},
    "sms_gateway": set(),
}


def documented(name: str) -> set[Key]:
    return {
        (method, path, int(status))
        for method, path, operation in operations(openapi(name))
        for status in operation["responses"]
        if status != "default"
    }


@pytest.mark.parametrize("name", SEEN_ELSEWHERE)
def test_every_documented_response_has_a_cause(name: str) -> None:
    tried = TRIED.get(name, {}).keys() | (COMMON.keys() if name in CONSUMERS else set())
    assert documented(name) - SEEN_ELSEWHERE[name] == tried


@pytest.mark.parametrize(
    ("name", "key", "cause"),
    CASES,
    ids=[f"{name} {' '.join(map(str, key))}" for name, key, _ in CASES],
)
def test_each_response_is_as_documented(
    name: str, key: Key, cause: Cause, sqlite_url: str, tmp_path: Path
) -> None:
    method, path, status = key
    with connections_closed():
        side = _side(name, cause, sqlite_url, tmp_path)
        answer = _ask(side, method, path, cause)
        side.reset()
    assert answer.status_code == status
    document = openapi(name)
    _schema(name)[path][method].validate_response(answer)
    described = document["paths"][path][method.lower()]["responses"][str(status)]
    assert set(described.get("headers", {})) <= set(answer.headers.keys())


@cache
def _schema(name: str) -> BaseSchema:
    return schema_of(openapi(name), examples=1)


def _side(name: str, cause: Cause, url: str, folder: Path) -> HttpSide:
    return email_side(url, folder, **cause.around) if name == "email" else SIDES[name](url, folder)


def _ask(side: HttpSide, method: str, path: str, cause: Cause) -> TestResponse:
    """Send the request; a shipment's id in its path is derived from the event's."""
    shipments = side.content()[0].get("shipments", [])
    cause.prepare(side)
    at = (cause.at or path).format(*(row[0] for row in shipments))
    client = side.app.test_client(use_cookies=False)  # except for those that the cause sets
    answer = client.open(at, method=method, **cause.request, buffered=True)
    if answer.status_code == 202:
        side.content()
    return answer
