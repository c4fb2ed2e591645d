"""The schema of `order.placed`, its examples, and the code that reads and writes it agree."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from shared.errors import ContractError
from shared.events import Item, OrderPlaced, decode, encode
from tests.contracts import EVENTS, event_validator, is_valid
from tests.odd_requests import with_one_change

GOLDEN = EVENTS / "golden"
AN_ORDER = OrderPlaced(
    "ord-789", "usr-123", (Item("prod-456", 2, Decimal("49.99")),), Decimal("99.98")
)
#: Errors that no schema can express, in the code's words.
BEYOND = "the items cost"


def golden(kind: str) -> list[Any]:
    return [pytest.param(file, id=file.stem) for file in sorted((GOLDEN / kind).glob("*.json"))]


def refusal(body: bytes) -> str | None:
    """The code's reason for refusing this body; None if it accepts it."""
    try:
        decode(body)
    except ContractError as error:
        return str(error)
    return None


def is_read(body: bytes) -> bool:
    return refusal(body) is None


def test_the_schema_is_valid_json_schema_2020_12() -> None:
    schema = json.loads((EVENTS / "order.placed.schema.json").read_bytes())
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)


def test_an_order_is_written_as_the_example_byte_for_byte() -> None:
    body = (GOLDEN / "valid" / "an-order.json").read_bytes()
    assert encode(AN_ORDER) == body
    assert decode(body) == AN_ORDER


@pytest.mark.parametrize("file", golden("valid"))
def test_a_valid_example_is_accepted_by_schema_and_code(file: Path) -> None:
    body = file.read_bytes()
    assert (is_valid(body), is_read(body)) == (True, True)
    assert is_valid(encode(decode(body)))
    assert decode(encode(decode(body))) == decode(body)


@pytest.mark.parametrize("file", golden("invalid"))
def test_an_invalid_example_is_refused_by_schema_and_code(file: Path) -> None:
    body = file.read_bytes()
    assert (is_valid(body), is_read(body)) == (False, False)


@pytest.mark.parametrize("file", golden("beyond-schema"))
def test_errors_beyond_the_schema_are_refused_by_the_code(file: Path) -> None:
    body = file.read_bytes()
    as_numbers = json.loads(body)
    assert Draft202012Validator(_plain_schema()).is_valid(as_numbers)
    assert not is_read(body)


@pytest.mark.parametrize("file", golden("lenient"))
def test_consumers_read_some_events_that_no_producer_may_write(file: Path) -> None:
    body = file.read_bytes()
    assert (is_valid(body), is_read(body)) == (False, True)


@settings(
    max_examples=300,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(with_one_change([json.loads((GOLDEN / "valid" / "an-order.json").read_bytes())]))
def test_a_valid_body_is_read_unless_its_total_is_wrong(order: Any) -> None:
    body = json.dumps(order).encode()
    if event_validator().is_valid(json.loads(body, parse_float=Decimal)):
        assert BEYOND in (refusal(body) or BEYOND)


def _plain_schema() -> dict[str, Any]:
    """The schema as other programs apply it: 2.0 is an integer, unlike with Python's Decimal."""
    schema: dict[str, Any] = json.loads((EVENTS / "order.placed.schema.json").read_bytes())
    # In binary floating point 99.99 is not a multiple of 0.01, which does not matter here.
    for money in (
        schema["properties"]["totalAmount"],
        schema["$defs"]["Item"]["properties"]["price"],
    ):
        del money["multipleOf"]
    return schema
