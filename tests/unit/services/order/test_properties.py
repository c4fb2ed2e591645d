"""Properties of any order and any JSON body."""

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.order.json_body import read_json
from services.order.order_form import NewOrder, read_order
from shared.events import MAX_ITEMS, MAX_PRICE, MAX_QUANTITY, decode
from tests.order_service import OrderService

#: No deadline: a single example may be slow on a busy machine.
patient = settings(deadline=None)

CENTS = st.integers(0, int(MAX_PRICE * 100))
LINES = st.lists(st.tuples(st.integers(1, MAX_QUANTITY), CENTS), min_size=1, max_size=MAX_ITEMS)

ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
#: An order with something odd in some place.
NEARLY_AN_ORDER = st.dictionaries(
    st.sampled_from(["userId", "items", "totalAmount", "extra"]),
    st.lists(st.dictionaries(st.sampled_from(["productId", "quantity", "price", "x"]), ANY_JSON))
    | ANY_JSON,
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrderService]:
    url = f"sqlite:///{tmp_path_factory.mktemp('order') / 'test.db'}"
    with OrderService(url, outbox_limit=100_000) as made:
        yield made


def as_number(cents: int, *, exponent: int) -> str:
    """A JSON spelling of an amount: 49.9, 49.90, 4990E-2, 0.499e+2 …"""
    plain = Decimal(cents).scaleb(-2)
    return f"{plain.scaleb(-exponent):f}e{exponent:+}" if exponent else f"{plain:f}"


def order_of(lines: list[tuple[int, str]], total: str | None = None) -> NewOrder:
    items = ",".join(
        f'{{"productId": "p", "quantity": {quantity}, "price": {price}}}'
        for quantity, price in lines
    )
    given_total = f', "totalAmount": {total}' if total else ""
    return read_order(read_json(f'{{"userId": "u", "items": [{items}]{given_total}}}'.encode()))


@patient
@given(LINES, st.integers(-6, 6))
def test_money_is_exact_in_any_spelling(lines: list[tuple[int, int]], exponent: int) -> None:
    written = [(quantity, as_number(cents, exponent=exponent)) for quantity, cents in lines]
    total = sum(quantity * cents for quantity, cents in lines)
    order = order_of(written, as_number(total, exponent=exponent))
    assert [int(item.price * 100) for item in order.items] == [cents for _, cents in lines]
    assert Fraction(order.total_amount) == Fraction(total, 100)


@patient
@given(LINES)
def test_an_order_survives_writing_and_reading(lines: list[tuple[int, int]]) -> None:
    once = order_of([(quantity, as_number(cents, exponent=0)) for quantity, cents in lines])
    again = order_of([(item.quantity, str(item.price)) for item in once.items])
    assert again == once
    assert all(item.price.as_tuple().exponent == -2 for item in once.items)


@patient
@given(LINES)
def test_the_event_equals_the_request(service: OrderService, lines: list[tuple[int, int]]) -> None:
    items = [
        {"productId": "p", "quantity": quantity, "price": cents / 100} for quantity, cents in lines
    ]
    answer = service.post({"userId": "u", "items": items})
    assert answer.status_code == 202
    event = decode(service.waiting()[-1].payload.encode())
    assert [(item.quantity, int(item.price * 100)) for item in event.items] == lines
    assert json.loads(answer.text, parse_float=Decimal)["totalAmount"] == event.total_amount


@patient
@given(ANY_JSON | NEARLY_AN_ORDER)
def test_any_json_gets_a_response_and_a_refusal_writes_nothing(
    service: OrderService, document: Any
) -> None:
    before = service.rows()
    answer = service.post(json.dumps(document).encode())
    if answer.status_code == 202:
        assert service.rows() == (before[0] + 1, before[1] + 1)
    else:
        assert answer.status_code in (400, 422)
        assert answer.get_json(force=True)["status"] == answer.status_code
        assert service.rows() == before


@patient
@given(st.binary())
def test_any_bytes_get_a_response_and_write_nothing(service: OrderService, body: bytes) -> None:
    before = service.rows()
    assert service.post(body).status_code in (400, 422)
    assert service.rows() == before
