"""The load test's checks, on responses of the real order service and on wrong ones."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from werkzeug.test import TestResponse

from loadtest import checks
from loadtest.bad_requests import (
    KEY_REUSED,
    UNKNOWN_ORDER,
    BadRequest,
    ExpectedRefusal,
    bad_requests,
)
from loadtest.baskets import Basket, Item
from loadtest.checks import CheckFailed, HttpAnswer, Order
from tests.order_service import OrderService

BASKET = Basket(
    "usr-1", (Item("prod-456", 2, Decimal("49.99")), Item("prod-123", 1, Decimal("4.95")))
)
OTHER = Basket(BASKET.user_id, [*BASKET.items] * 2)
BAD = bad_requests(BASKET)
MODES = tuple(checks.PLACED)


@pytest.fixture
def service(sqlite_url: str) -> Iterator[OrderService]:
    with OrderService(sqlite_url) as made:
        yield made


def answer(response: TestResponse) -> HttpAnswer:
    return HttpAnswer(response.status_code, dict(response.headers), response.data)


def post(service: OrderService, basket: Basket = BASKET, *, mode: str = "async") -> HttpAnswer:
    headers = {"idempotency_key": '"a-key"'}
    return answer(service.post(basket.body().encode(), mode=mode, **headers))


# --- real responses --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_placing_and_looking_up_an_order_passes(service: OrderService, mode: str) -> None:
    order = checks.placed(post(service, mode=mode), mode, BASKET)

    assert (order.mode, order.basket) == (mode, BASKET)
    checks.looked_up(answer(service.get(f"/orders/{order.order_id}")), order)


@pytest.mark.parametrize("mode", MODES)
def test_a_repeated_request_passes_with_the_same_order(service: OrderService, mode: str) -> None:
    order = checks.placed(post(service, mode=mode), mode, BASKET)

    checks.repeated(post(service, mode=mode), order)


def test_another_order_with_the_same_key_passes_as_refused(service: OrderService) -> None:
    post(service)

    checks.refused(post(service, OTHER), KEY_REUSED)


def test_an_unknown_order_passes_as_unknown(service: OrderService) -> None:
    checks.refused(answer(service.get("/orders/ord-nobody")), UNKNOWN_ORDER)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.refusal.kind}{bad.refusal.pointer}")
def test_a_bad_request_passes_as_refused(service: OrderService, bad: BadRequest) -> None:
    response = service.app.test_client().post(
        f"/orders{bad.query}", data=bad.body, headers=dict(bad.headers)
    )

    checks.refused(answer(response), bad.refusal)
    assert service.rows() == (0, 0)


def test_each_bad_request_is_different() -> None:
    assert len({(bad.refusal.kind, bad.refusal.pointer) for bad in BAD}) == len(BAD)


def test_a_full_outbox_is_a_temporary_refusal(sqlite_url: str) -> None:
    with OrderService(sqlite_url, outbox_limit=0) as service:
        assert checks.is_refused_for_now(post(service))


# --- wrong responses -------------------------------------------------------------------------

ORDER = Order("ord-1", "async", BASKET)
JSON = {"Content-Type": "application/json"}
PLACED = {"orderId": "ord-1", "status": "accepted", "totalAmount": 104.93}
KEPT = {**BASKET.document(), **PLACED, "eventId": "e-1", "placedAt": "2026-01-01T00:00:00Z"}
JOURNEY = {
    "orderId": "ord-1",
    "status": "accepted",
    "mode": "async",
    "services": {"email": {"state": "waiting"}, "sms": {"state": "unknown"}},
}


def given(
    status: int,
    document: object,
    headers: Mapping[str, str] = {**JSON, "Location": "/orders/ord-1"},
) -> HttpAnswer:
    return HttpAnswer(status, headers, json.dumps(document).encode())


def test_correct_responses_pass() -> None:
    assert checks.placed(given(202, PLACED), "async", BASKET) == ORDER
    checks.looked_up(given(200, KEPT), ORDER)
    checks.journeyed(given(200, JOURNEY), ORDER)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (given(201, PLACED), "status is 201 instead of 202"),
        (given(202, PLACED | {"orderId": ""}), "orderId is ''"),
        (given(202, PLACED | {"orderId": 7}), "orderId is 7"),
        (given(202, PLACED | {"status": "completed"}), "status is 'completed'"),
        (given(202, PLACED | {"totalAmount": 104.94}), r"totalAmount is Decimal\('104.94'\)"),
        (given(202, PLACED, JSON), "Location is None"),
        (given(202, PLACED, {"Content-Type": "text/html"}), "Content-Type is 'text/html'"),
        (given(202, [PLACED]), "not a JSON object"),
        (HttpAnswer(202, JSON, b"{"), "not JSON"),
        (HttpAnswer(202, JSON, b"\xff"), "not JSON"),
    ],
)
def test_a_wrong_response_to_an_order_fails_with_a_sentence(
    wrong: HttpAnswer, sentence: str
) -> None:
    with pytest.raises(CheckFailed, match=sentence):
        checks.placed(wrong, "async", BASKET)


def test_a_repeated_request_with_another_order_fails() -> None:
    another = given(202, PLACED | {"orderId": "ord-2"}, {**JSON, "Location": "/orders/ord-2"})

    with pytest.raises(CheckFailed, match="'ord-2' instead of 'ord-1'"):
        checks.repeated(another, ORDER)


@pytest.mark.parametrize(
    "change",
    [
        {"orderId": "ord-2"},
        {"userId": "usr-2"},
        {"items": BASKET.document()["items"][:1]},  # type: ignore[index]
        {"totalAmount": 1},
        {"status": "failed"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_order_stored_differently_fails(change: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match=next(iter(change))):
        checks.looked_up(given(200, KEPT | change), ORDER)


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "sync"},
        {"services": {}},
        {"services": {"email": {"state": "lost"}}},
        {"services": {"email": {"state": "undone"}}},
        {"services": {"email": None}},
    ],
)
def test_an_inconsistent_journey_fails(change: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed):
        checks.journeyed(given(200, JOURNEY | change), ORDER)


def test_a_completed_order_must_be_applied_by_every_service_in_its_journey() -> None:
    done = JOURNEY | {"status": "completed", "mode": "sync"}
    order = Order("ord-1", "sync", BASKET)

    checks.journeyed(given(200, done | {"services": {"email": {"state": "applied"}}}), order)
    with pytest.raises(CheckFailed, match="email reports 'waiting'"):
        checks.journeyed(given(200, done), order)


PROBLEM = {"Content-Type": "application/problem+json"}
INVALID = ExpectedRefusal(422, "invalid-order", "/items")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (given(202, PLACED), "status is 202 instead of 422"),
        (given(422, {}, JSON), "Content-Type"),
        (given(422, {"status": 422, "type": "about:blank"}, PROBLEM), "type is 'about:blank'"),
        (given(422, {"status": 400, "type": "/problems/invalid-order"}, PROBLEM), "status is 400"),
        (given(422, {"status": 422, "type": "/problems/invalid-order"}, PROBLEM), "field at fault"),
    ],
)
def test_a_bad_request_with_a_wrong_refusal_fails(wrong: HttpAnswer, sentence: str) -> None:
    with pytest.raises(CheckFailed, match=sentence):
        checks.refused(wrong, INVALID)


@pytest.mark.parametrize(
    ("status", "headers", "is_refusal"),
    [
        (503, {"Retry-After": "1"}, True),
        (503, {}, False),
        (503, {"Retry-After": "soon"}, False),
        (500, {"Retry-After": "1"}, False),
        (409, {"Retry-After": "1"}, False),
    ],
)
def test_only_a_503_with_retry_after_is_a_temporary_refusal(
    status: int, headers: Mapping[str, str], is_refusal: bool
) -> None:
    assert checks.is_refused_for_now(given(status, {}, headers)) is is_refusal
