"""Every documented refusal can be caused and is as documented; there are no others."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.documented import TOKEN, as_sent, schema
from tests.documented_service import AN_ORDER, THE_ORDER, DocumentedService
from tests.fakes import Outage
from tests.neighbours import Neighbours, is_down, is_late

PROBLEM = "application/problem+json"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
ONE, JOURNEY = "/orders/{orderId}", "/orders/{orderId}/journey"

#: Method and path as documented, status, and the last part of the type.
Refusal = tuple[str, str, int, str]


def order(**more: Any) -> dict[str, Any]:
    return {"method": "POST", "path": "/orders", "json": AN_ORDER, **more}


def get(path: str, **more: Any) -> dict[str, Any]:
    return {"method": "GET", "path": path, **more}


def faults(body: bytes) -> dict[str, Any]:
    return {"method": "POST", "path": "/faults", "data": body, "headers": OPERATOR}


ALLOWED: dict[str, Any] = {"faults_allowed": True}
DOWN: dict[str, Any] = {"down": True}
OFF: dict[str, Any] = {"token": None}
FULL: dict[str, Any] = {"outbox_limit": 1}

TOO_MANY: dict[str, Any] = {"synchronous": Neighbours(limit=0)}
BROKEN: dict[str, Any] = {"synchronous": Neighbours(sms=is_down)}
LATE: dict[str, Any] = {"synchronous": Neighbours(inventory=is_late)}
SYNC: dict[str, Any] = {"query_string": {"mode": "sync"}}
USED: dict[str, Any] = {"headers": {"Idempotency-Key": "used"}}
#: Only these are about an existing order.
WRITTEN = {"stage-failed", "stage-timed-out"}

#: The cause of each refusal: the service's settings and the request.
CAUSES: dict[Refusal, tuple[dict[str, Any], dict[str, Any]]] = {
    ("POST", "/orders", 400, "malformed-json"): (
        {},
        order(json=None, data=b"{", content_type="application/json"),
    ),
    ("POST", "/orders", 400, "invalid-idempotency-key"): (
        {},
        order(headers={"Idempotency-Key": "a b"}),
    ),
    ("POST", "/orders", 400, "invalid-mode"): ({}, order(query_string={"mode": "later"})),
    ("POST", "/orders", 409, "order-in-progress"): (
        {"used": USED["headers"], "running": True},
        order(**SYNC, **USED),
    ),
    ("POST", "/orders", 413, "about:blank"): ({}, order(json={"userId": "u" * 70_000})),
    ("POST", "/orders", 415, "wrong-media-type"): ({}, order(json=None, data=b"{}")),
    ("POST", "/orders", 422, "invalid-order"): ({}, order(json={})),
    ("POST", "/orders", 422, "idempotency-key-reused"): (
        {"used": {"Idempotency-Key": "used"}},
        order(
            json=AN_ORDER | {"items": [*AN_ORDER["items"]] * 2}, headers={"Idempotency-Key": "used"}
        ),
    ),
    ("POST", "/orders", 502, "stage-failed"): (BROKEN, order(**SYNC)),
    ("POST", "/orders", 504, "stage-timed-out"): (LATE, order(**SYNC)),
    ("POST", "/orders", 503, "too-many-at-once"): (TOO_MANY, order(**SYNC)),
    ("POST", "/orders", 503, "outbox-full"): (FULL, order()),
    ("POST", "/orders", 503, "about:blank"): (DOWN, order()),
    ("GET", "/orders", 400, "invalid-page"): ({}, get("/orders?limit=0", headers=OPERATOR)),
    ("GET", "/orders", 401, "about:blank"): ({}, get("/orders")),
    ("GET", "/orders", 404, "about:blank"): (OFF, get("/orders", headers=OPERATOR)),
    ("GET", "/orders", 503, "about:blank"): (DOWN, get("/orders", headers=OPERATOR)),
    ("GET", ONE, 404, "unknown-order"): ({}, get("/orders/ord-1")),
    ("GET", ONE, 404, "about:blank"): ({}, get("/orders/a%2Fb")),
    ("GET", ONE, 503, "about:blank"): (DOWN, get(f"/orders/{THE_ORDER}")),
    ("GET", JOURNEY, 404, "unknown-order"): ({}, get("/orders/ord-1/journey")),
    ("GET", JOURNEY, 404, "about:blank"): ({}, get("/orders/a%2Fb/journey")),
    ("GET", JOURNEY, 503, "about:blank"): (DOWN, get(f"/orders/{THE_ORDER}/journey")),
    ("GET", "/outbox", 401, "about:blank"): ({}, get("/outbox")),
    ("GET", "/outbox", 404, "about:blank"): (OFF, get("/outbox", headers=OPERATOR)),
    ("GET", "/outbox", 503, "about:blank"): (DOWN, get("/outbox", headers=OPERATOR)),
    **{
        (method, "/faults", status, "about:blank"): (
            around | ALLOWED if status != 403 else around,
            {"method": method, "path": "/faults", "json": {"crash": "after"}, **more},
        )
        for method in ("GET", "POST", "DELETE")
        for status, around, more in (
            (401, {}, {}),
            (403, {}, {"headers": OPERATOR}),
            (404, OFF, {"headers": OPERATOR}),
            (503, DOWN, {"headers": OPERATOR}),
        )
    },
    ("POST", "/faults", 400, "about:blank"): (ALLOWED, faults(b'{"outage": "yes"}')),
    ("POST", "/faults", 413, "about:blank"): (ALLOWED, faults(b" " * 70_000)),
    ("POST", "/faults", 415, "about:blank"): (
        ALLOWED,
        faults(b"") | {"headers": {**OPERATOR, "Content-Encoding": "gzip"}},
    ),
    ("POST", "/faults", 422, "about:blank"): (ALLOWED, faults(b'{"latency": "long"}')),
    ("GET", "/docs/{asset}", 404, "about:blank"): ({}, get("/docs/page.html")),
}


def documented() -> set[Refusal]:
    return {
        (method.upper(), path, int(status), type.removeprefix("/problems/"))
        for path, item in as_sent()["paths"].items()
        for method, operation in item.items()
        for status, answer in operation["responses"].items()
        if PROBLEM in answer["content"]
        for type in answer["content"][PROBLEM]["schema"]["properties"]["type"]["enum"]
    }


def answer_of(
    url: str,
    request: dict[str, Any],
    *,
    down: bool = False,
    used: Any = None,
    running: bool = False,
    **around: Any,
) -> tuple[TestResponse, bool]:
    """The response, and whether the database is unchanged."""
    with DocumentedService(url, **around) as service:
        client = service.app.test_client()
        if used:
            query = SYNC["query_string"] if running else {}
            client.post("/orders", json=AN_ORDER, headers=used, query_string=query)
        if running:
            service.let_run()
        before = service.content()
        outages = [Outage(service.engine), Outage(service.placing)]
        for outage in outages:
            outage.is_on = down
        answer = client.open(**request)
        for outage in outages:
            outage.is_on = False
        return answer, service.content() == before


def test_every_documented_response_has_a_cause() -> None:
    assert documented() == set(CAUSES)


@pytest.mark.parametrize("refusal", CAUSES, ids=lambda each: " ".join(map(str, each)))
def test_each_refusal_can_be_caused_and_is_as_documented(refusal: Refusal, sqlite_url: str) -> None:
    around, request = CAUSES[refusal]
    answer, is_unchanged = answer_of(sqlite_url, request, **around)
    method, path, status, type = refusal
    assert answer.status_code == status
    assert answer.get_json(force=True)["type"].removeprefix("/problems/") == type
    schema(examples=1)[path][method].validate_response(answer)
    headers = as_sent()["paths"][path][method.lower()]["responses"][str(status)].get("headers", {})
    assert set(headers) <= set(answer.headers.keys())
    assert is_unchanged is (type not in WRITTEN)
