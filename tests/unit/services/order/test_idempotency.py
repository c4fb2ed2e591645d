"""A repeated request with the same key places one order."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from services.order.errors import InvalidKey
from services.order.idempotency import read_key
from services.order.schema import orders
from shared.database.engine import writing
from tests.fakes import in_threads
from tests.order_service import AN_ORDER, OrderService


@pytest.fixture
def service(sqlite_url: str) -> Iterator[OrderService]:
    with OrderService(sqlite_url) as made:
        yield made


def an_order(price: str, **more: object) -> bytes:
    """The JSON of an order, with the price written as given."""
    items = f'[{{"productId": "p", "quantity": 2, "price": {price}}}]'
    fields = [f'"{name}": {value}' for name, value in {"items": items, **more}.items()]
    return "{{{}}}".format(", ".join([*fields, '"userId": "usr-1"'])).encode()


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (None, None),
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('  "a"\t', "a"),
        ('"with blanks, and = signs"', "with blanks, and = signs"),
        (r'"a \"quoted\" part and a \\"', r'a "quoted" part and a \\'[:-1]),
        ('"' + "k" * 255 + '"', "k" * 255),
        ("k" * 255, "k" * 255),
    ],
)
def test_a_key_is_read_with_and_without_quotes(header: str | None, key: str | None) -> None:
    assert read_key(header) == key


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        '""',
        '"not closed',
        'not opened"',
        '"a" "b"',
        '"a", "b"',
        '"a","b"',
        "a,b",
        "a, b",
        "two words",
        r'"an \escape of nothing"',
        '"ü"',
        "ü",
        '"a\x00b"',
        "a\x7fb",
        "k" * 256,
        '"' + "k" * 256 + '"',
    ],
)
def test_an_invalid_key_is_refused(header: str) -> None:
    with pytest.raises(InvalidKey):
        read_key(header)


def test_an_unreadable_key_writes_nothing(service: OrderService) -> None:
    answer = service.post(idempotency_key='"not closed')
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert answer.get_json(force=True)["type"] == "/problems/invalid-idempotency-key"
    assert service.rows() == (0, 0)


def test_the_same_key_and_order_return_the_same_order(service: OrderService) -> None:
    first = service.post(idempotency_key='"a key"')
    again = service.post(idempotency_key='"a key"')
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.data == first.data
    assert again.headers["Location"] == first.headers["Location"]
    assert service.rows() == (1, 1)


def test_quotes_do_not_change_a_key(service: OrderService) -> None:
    first = service.post(idempotency_key='"a-key"')
    assert service.post(idempotency_key="a-key").data == first.data
    assert service.rows() == (1, 1)


@pytest.mark.parametrize(
    "same",
    [
        an_order("49.90"),
        an_order("4.99e1"),
        an_order("49.9", totalAmount="99.8"),
        an_order("49.9", totalAmount="99.80"),
        b" " + an_order("49.9").replace(b", ", b",\n\t"),
        b'{"userId":"usr-1","items":[{"price":49.9,"quantity":2,"productId":"p"}]}',
        b'{"userId":"\\u0075sr-1","items":[{"price":49.9,"quantity":2,"productId":"p"}]}',
    ],
)
def test_an_orders_formatting_does_not_matter(service: OrderService, same: bytes) -> None:
    first = service.post(an_order("49.9"), idempotency_key='"k"')
    again = service.post(same, idempotency_key='"k"')
    assert (again.status_code, again.data) == (202, first.data)
    assert service.rows() == (1, 1)


@pytest.mark.parametrize(
    "other",
    [
        an_order("49.91"),
        an_order("49.9").replace(b'"quantity": 2', b'"quantity": 3'),
        an_order("49.9").replace(b'"p"', b'"q"'),
        json.dumps({**AN_ORDER, "userId": "usr-1"}).encode(),
    ],
)
def test_the_same_key_with_another_order_is_refused(service: OrderService, other: bytes) -> None:
    service.post(an_order("49.9"), idempotency_key='"k"')
    refused = service.post(other, idempotency_key='"k"')
    assert (refused.status_code, refused.mimetype) == (422, "application/problem+json")
    assert refused.get_json(force=True)["type"] == "/problems/idempotency-key-reused"
    assert b"ord-" not in refused.data
    assert service.rows() == (1, 1)


def test_different_users_may_use_the_same_key(service: OrderService) -> None:
    first, second = (an_order("49.9").replace(b"usr-1", user) for user in (b"usr-1", b"usr-2"))
    answers = [service.post(each, idempotency_key='"k"') for each in (first, second, first, second)]
    assert [answer.status_code for answer in answers] == [202] * 4
    assert answers[0].data == answers[2].data != answers[1].data == answers[3].data
    assert service.rows() == (2, 2)


@pytest.mark.parametrize("mode", [None, "sync"])
def test_a_key_from_before_keys_belonged_to_users_still_works(
    service: OrderService, mode: str | None
) -> None:
    first = service.post(an_order("49.9"), mode=mode, idempotency_key='"k"')
    with writing(service.engine) as tx:
        tx.execute(update(orders).values(idempotency_key="k"))
    again = service.post(an_order("49.9"), mode=mode, idempotency_key='"k"')
    assert again.get_json()["orderId"] == first.get_json()["orderId"]
    other = service.post(an_order("50"), mode=mode, idempotency_key='"k"')
    assert other.status_code == 422
    stranger = an_order("49.9").replace(b"usr-1", b"usr-2")
    theirs = service.post(stranger, mode=mode, idempotency_key='"k"')
    assert theirs.status_code == first.status_code
    assert theirs.get_json()["orderId"] != first.get_json()["orderId"]


def test_an_invalid_order_does_not_use_up_its_key(service: OrderService) -> None:
    assert service.post(an_order("-1"), idempotency_key='"k"').status_code == 422
    assert service.post(an_order("1"), idempotency_key='"k"').status_code == 202
    assert service.rows() == (1, 1)


def test_orders_without_a_key_are_all_placed(service: OrderService) -> None:
    answers = {service.post().get_json(force=True)["orderId"] for _ in range(3)}
    assert len(answers) == 3
    assert service.rows() == (3, 3)


def test_concurrent_requests_with_one_key_create_one_order(service: OrderService) -> None:
    answers = in_threads(8, lambda: service.post(idempotency_key='"k"'))
    assert [answer.status_code for answer in answers] == [202] * 8
    assert len({answer.data for answer in answers}) == 1
    assert service.rows() == (1, 1)
