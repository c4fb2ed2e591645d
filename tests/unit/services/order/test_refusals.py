"""Every refusal of an order: status, named fields, and nothing written."""

import copy
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.order_service import AN_ORDER, OrderService


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrderService]:
    """One service for all tests: refusals do not change it, which every test checks."""
    with OrderService(f"sqlite:///{tmp_path_factory.mktemp('order') / 'test.db'}") as made:
        yield made


def with_value(pointer: str, value: Any) -> bytes:
    """A valid order with one value replaced; `value` is put in as JSON text when it is bytes."""
    order = copy.deepcopy(AN_ORDER)
    *path, last = pointer.strip("/").split("/")
    parent: Any = order
    for step in path:
        parent = parent[int(step) if step.isdigit() else step]
    parent[last] = "REPLACED" if isinstance(value, bytes) else value
    text = json.dumps(order).encode()
    return text.replace(b'"REPLACED"', value) if isinstance(value, bytes) else text


def without(*fields: str) -> dict[str, Any]:
    return {name: value for name, value in AN_ORDER.items() if name not in fields}


LINE = AN_ORDER["items"][0]
PRICE, QUANTITY, USER = "/items/0/price", "/items/0/quantity", "/userId"

FIELDS_AT_FAULT: dict[str, tuple[Any, set[str]]] = {
    "no fields": ({"": 1}, {"/", USER, "/items"}),
    "no user": (without("userId"), {USER}),
    "no items field": (without("items"), {"/items"}),
    "no items": ({**AN_ORDER, "items": []}, {"/items"}),
    "101 items": ({**AN_ORDER, "items": [LINE] * 101}, {"/items"}),
    "items no array": ({**AN_ORDER, "items": LINE}, {"/items"}),
    "an item no object": ({**AN_ORDER, "items": [LINE, 7, None]}, {"/items/1", "/items/2"}),
    "an empty item": (
        {**AN_ORDER, "items": [{}]},
        {"/items/0/productId", QUANTITY, PRICE},
    ),
    "an unknown field": ({**AN_ORDER, "colour": "red"}, {"/colour"}),
    "a name of ours": ({**without("userId"), "user_id": "usr-1"}, {USER, "/user_id"}),
    "an unknown field of an item": (with_value("/items/1/colour", "red"), {"/items/1/colour"}),
    "a field with / and ~": ({**AN_ORDER, "a/b~c": 1}, {"/a~1b~0c"}),
    "quantity 0": (with_value(QUANTITY, 0), {QUANTITY}),
    "quantity -1": (with_value(QUANTITY, -1), {QUANTITY}),
    "quantity 10001": (with_value(QUANTITY, 10_001), {QUANTITY}),
    "quantity 2.0": (with_value(QUANTITY, 2.0), {QUANTITY}),
    "quantity 1e1": (with_value(QUANTITY, b"1e1"), {QUANTITY}),
    "quantity true": (with_value(QUANTITY, True), {QUANTITY}),
    "quantity a string": (with_value(QUANTITY, "2"), {QUANTITY}),
    "quantity null": (with_value(QUANTITY, None), {QUANTITY}),
    "quantity of 60,000 digits": (with_value(QUANTITY, b"9" * 60_000), {QUANTITY}),
    "price negative": (with_value(PRICE, -0.01), {PRICE}),
    "price of three decimals": (with_value(PRICE, 1.001), {PRICE}),
    "price 1e999": (with_value(PRICE, b"1e999"), {PRICE}),
    "price -1e999": (with_value(PRICE, b"-1e999"), {PRICE}),
    "price 1e-999999": (with_value(PRICE, b"1e-999999"), {PRICE}),
    "price of a huge exponent": (with_value(PRICE, b"1e99999999999999999999"), {PRICE}),
    "price of a tiny exponent": (with_value(PRICE, b"1e-99999999999999999999"), {PRICE}),
    "price too high": (with_value(PRICE, 1_000_000.01), {PRICE}),
    "price of 60,000 digits": (with_value(PRICE, b"9" * 60_000), {PRICE}),
    "price of 60,000 decimals": (with_value(PRICE, b"0." + b"1" * 60_000), {PRICE}),
    "price a string": (with_value(PRICE, "49.99"), {PRICE}),
    "price true": (with_value(PRICE, True), {PRICE}),
    "price null": (with_value(PRICE, None), {PRICE}),
    "price an object": (with_value(PRICE, {}), {PRICE}),
    "user empty": (with_value(USER, ""), {USER}),
    "user a number": (with_value(USER, 7), {USER}),
    "user with a blank": (with_value(USER, "usr 1"), {USER}),
    "user with a line end": (with_value(USER, "usr-1\n"), {USER}),
    "user of 63 characters": (with_value(USER, "u" * 63), {USER}),
    "user that is a path": (with_value(USER, "../etc"), {USER}),
    "user not ASCII": (with_value(USER, "müller"), {USER}),
    "user with NUL": (with_value(USER, "usr\0"), {USER}),
    "user of half a surrogate pair": (with_value(USER, b'"\\ud800"'), {USER}),
    "product with NUL": (with_value("/items/1/productId", "\0"), {"/items/1/productId"}),
    "total null": (with_value("/totalAmount", None), {"/totalAmount"}),
    "total a string": (with_value("/totalAmount", "104.98"), {"/totalAmount"}),
    "total of another order": (with_value("/totalAmount", 104.99), {"/totalAmount"}),
    "total 1e999": (with_value("/totalAmount", b"1e999"), {"/totalAmount"}),
    "several at once": (
        {"items": [{**LINE, "quantity": 0}, {**LINE, "price": -1}], "colour": "red"},
        {USER, QUANTITY, "/items/1/price", "/colour"},
    ),
    "an array": (b"[]", {""}),
    "a string": (b'"order"', {""}),
    "null": (b"null", {""}),
    "a number": (b"1e99999999999999999999", {""}),
}

MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "cut off": b'{"userId": "usr-1", ',
    "followed by more": json.dumps(AN_ORDER).encode() + b"{}",
    "not UTF-8": with_value(USER, b'"\xff"'),
    "UTF-16": json.dumps(AN_ORDER).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(AN_ORDER).encode(),
    "NaN": with_value(PRICE, b"NaN"),
    "Infinity": with_value(PRICE, b"Infinity"),
    "-Infinity": with_value(PRICE, b"-Infinity"),
    "a price of .5": with_value(PRICE, b".5"),
    "a quantity of 02": with_value(QUANTITY, b"02"),
    "single quotes": b"{'userId': 'usr-1'}",
    "a raw control character": with_value(USER, b'"a\nb"'),
    "nested too deeply": b"[" * 60_000,
    "deeper still, and complete": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a key twice": b'{"userId": "usr-1", "userId": "usr-2", "items": []}',
    "a key of half a surrogate pair": b'{"\\udfff": 1}',
}


@pytest.mark.parametrize(("body", "pointers"), FIELDS_AT_FAULT.values(), ids=FIELDS_AT_FAULT)
def test_every_invalid_field_is_named(service: OrderService, body: Any, pointers: set[str]) -> None:
    before = service.rows()
    answer = service.post(body)
    problem = answer.get_json(force=True)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert (problem["type"], problem["status"]) == ("/problems/invalid-order", 422)
    assert {error["pointer"] for error in problem["errors"]} == pointers
    assert all(error["detail"] for error in problem["errors"])
    assert service.rows() == before


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_invalid_json_is_refused(service: OrderService, body: bytes) -> None:
    before = service.rows()
    answer = service.post(body)
    problem = answer.get_json(force=True)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert (problem["type"], problem["status"]) == ("/problems/malformed-json", 400)
    assert service.rows() == before


def test_a_wrong_total_is_reported_with_the_right_one(service: OrderService) -> None:
    answer = service.post(with_value("/totalAmount", 99.98))
    [error] = answer.get_json(force=True)["errors"]
    assert "99.98" in error["detail"]
    assert "104.98" in error["detail"]


@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "application/xml", "application/jsonp", "multipart/form-data"]
)
def test_another_media_type_is_refused(service: OrderService, media_type: str) -> None:
    before = service.rows()
    answer = service.post(content_type=media_type)
    assert answer.status_code == 415
    assert answer.get_json(force=True)["type"] == "/problems/wrong-media-type"
    assert service.rows() == before


def test_an_orders_body_over_64_kib_is_refused(service: OrderService) -> None:
    before = service.rows()
    body = json.dumps(AN_ORDER).encode().ljust(64 * 1024)
    assert service.post(body + b" ").status_code == 413
    assert service.rows() == before
    assert service.post(body).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/orders", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("DELETE", "/orders/ord-1", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/outbox", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_refused_with_the_allowed_ones(
    service: OrderService, method: str, path: str, allowed: set[str]
) -> None:
    answer = service.app.test_client().open(path, method=method)
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("order_id", ["ord-1", "ord-1%00", "%ED%A0%80", "x" * 5000])
def test_an_unknown_order_is_not_found(service: OrderService, order_id: str) -> None:
    answer = service.get(f"/orders/{order_id}")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.get_json(force=True)["type"] == "/problems/unknown-order"


def test_an_unknown_path_is_not_found(service: OrderService) -> None:
    answer = service.get("/nowhere")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "headers",
    [
        {"content_encoding": "gzip"},
        {"content_encoding": "GZIP, identity"},
        {"content_encoding": "br"},
        {"content_type": "application/json; charset=utf-16"},
        {"content_type": 'application/json; charset="latin1"'},
    ],
)
def test_an_encoded_body_is_refused(service: OrderService, headers: dict[str, str]) -> None:
    before = service.rows()
    answer = service.post(gzip.compress(json.dumps(AN_ORDER).encode()), **headers)
    assert (answer.status_code, answer.mimetype) == (415, "application/problem+json")
    assert answer.get_json(force=True)["type"] == "/problems/wrong-media-type"
    assert service.rows() == before


def test_identity_encoding_is_accepted(sqlite_url: str) -> None:
    with OrderService(sqlite_url) as service:
        said = {"content_encoding": "identity", "content_type": 'application/json;charset="UTF-8"'}
        assert service.post(**said).status_code == 202
