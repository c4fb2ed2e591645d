"""The event contract: encoding and decoding are lossless, and invalid events are refused."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ContractError
from shared.events import Item, OrderPlaced, decode, encode, is_money, parse_time, total_of

EXAMPLE = (
    b'{"eventType":"order.placed","orderId":"ord-789","userId":"usr-123","items":'
    b'[{"productId":"prod-456","quantity":2,"price":49.99}],"totalAmount":99.98}'
)

ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
prices = st.decimals(min_value=0, max_value=1_000_000, places=2)
items = st.builds(Item, product_id=ids, quantity=st.integers(1, 10_000), price=prices)


@st.composite
def orders(draw: st.DrawFn) -> OrderPlaced:
    lines = tuple(draw(st.lists(items, min_size=1, max_size=5)))
    return OrderPlaced(draw(ids), draw(ids), lines, total_of(lines))


def test_the_example_of_the_contract_is_read_and_written_byte_for_byte() -> None:
    order = decode(EXAMPLE)
    assert order.total_amount == Decimal("99.98")
    assert encode(order) == EXAMPLE


@given(orders())
def test_an_order_survives_encoding_and_decoding(order: OrderPlaced) -> None:
    assert decode(encode(order)) == order


@given(orders())
def test_money_is_a_json_number_with_at_most_two_decimals(order: OrderPlaced) -> None:
    written = json.loads(encode(order), parse_float=Decimal, parse_int=Decimal)
    assert written["totalAmount"] == order.total_amount
    assert written["totalAmount"].as_tuple().exponent >= -2


@given(st.decimals(min_value=0, max_value=10**14, places=2))
def test_no_cent_is_lost_to_float_rounding(amount: Decimal) -> None:
    body = EXAMPLE.replace(b'"quantity":2', b'"quantity":1')
    body = body.replace(b"49.99", str(amount).encode()).replace(b"99.98", str(amount).encode())
    assert decode(body).items[0].price == amount


def test_an_amount_that_a_float_cannot_hold_is_exact() -> None:
    body = EXAMPLE.replace(b'"quantity":2', b'"quantity":1')
    body = body.replace(b"49.99", b"90071992547409.93").replace(b"99.98", b"90071992547409.93")
    assert b"90071992547409.93" in encode(decode(body))


def test_unknown_fields_are_ignored() -> None:
    assert decode(EXAMPLE[:-1] + b',"coupon":{"code":"X"}}') == decode(EXAMPLE)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"order.placed", b"order.paid", "order.paid"),
        (b'"orderId":"ord-789",', b"", "orderId"),
        (b'"ord-789"', b'"../etc"', "orderId"),
        (b'"ord-789"', b'"ord-789\\n"', "orderId"),
        (b'"quantity":2', b'"quantity":0', "quantity"),
        (b'"quantity":2', b'"quantity":10001', "quantity"),
        (b'"quantity":2', b'"quantity":"2"', "quantity"),
        (b"49.99", b"-49.99", "-49.99"),
        (b"49.99", b"49.999", "49.999"),
        (b"49.99", b"1e999", "1E+999"),
        (b"49.99", b"NaN", "malformed"),
        (b"99.98", b"99.97", "99.98"),
        (b'[{"productId":"prod-456","quantity":2,"price":49.99}]', b"[]", "items"),
        (b"usr-123", b"usr-\xff", "UTF-8"),
        (b'{"event', b'["event', "Expected `object`"),
    ],
)
def test_an_invalid_body_is_refused_with_a_reason(old: bytes, new: bytes, says: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(ContractError, match=says.replace("+", r"\+")):
        decode(EXAMPLE.replace(old, new))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_with_the_contract_error(body: bytes) -> None:
    with pytest.raises(ContractError):
        decode(body)


def test_deep_nesting_is_refused_without_a_crash() -> None:
    with pytest.raises(ContractError):
        decode(b'{"eventType":"order.placed","x":' + b"[" * 100_000)


@pytest.mark.parametrize("text", ["Infinity", "-0.01", "1E+30", "0.001", "1E-400000"])
def test_some_decimals_are_not_amounts(text: str) -> None:
    assert not is_money(Decimal(text))


def test_a_time_without_a_zone_is_utc_and_an_invalid_one_is_refused() -> None:
    assert parse_time("2026-01-02T03:04:05").isoformat() == "2026-01-02T03:04:05+00:00"
    assert parse_time("2026-01-02T03:04:05Z").isoformat() == "2026-01-02T03:04:05+00:00"
    with pytest.raises(ContractError, match="yesterday"):
        parse_time("yesterday")
