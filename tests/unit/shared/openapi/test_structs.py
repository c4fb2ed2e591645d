"""Schemas of structs match what is written and read."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec import Meta

from shared.errors import DocumentError
from shared.events import Identifier
from shared.http.app import to_json
from shared.http.documents import read_document
from shared.openapi.fields import Amount, AnyId, Count, Time
from shared.openapi.shapes import ID, narrowed
from shared.openapi.structs import answered, sent


class Part(msgspec.Struct, frozen=True):
    number: Count = 0


class Whole(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A struct with
    everything.
    """

    first_id: Identifier
    at: Time
    price: Decimal
    format: Annotated[str | None, Meta(description="Any.")] = None
    step: Literal["b", "a"] | None = None
    rate: Amount | None = None
    parts: tuple[Part, ...] = ()
    only: Part | None = None
    title: AnyId = ""


AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LEAST = Whole("id", AT, Decimal("1.50"))
MOST = Whole("id", AT, Decimal(0), "text", "a", 0.5, (Part(1),), Part(), "id")


def validator(kind: dict[str, dict[str, object]], name: str) -> Draft202012Validator:
    return Draft202012Validator({**kind[name], "components": {"schemas": kind}})


def test_responses_have_every_field() -> None:
    schema = answered(Whole)["Whole"]
    for each in (LEAST, MOST):
        written = json.loads(to_json(each))
        assert list(written) == schema["required"] == list(schema["properties"])
        validator(answered(Whole), "Whole").validate(written)
    assert "additionalProperties" not in schema


def test_requests_have_the_fields_that_are_read() -> None:
    schema = sent(Whole)["Whole"]
    assert schema["required"] == ["firstId", "at", "price"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["rate"]["default"] is None


def test_schemas_use_json_types() -> None:
    schema = answered(Whole)["Whole"]
    assert schema["description"] == "A struct with everything."
    assert schema["properties"] == {
        "firstId": ID,
        "at": {"type": "string", "format": "date-time"},
        "price": schema["properties"]["price"],
        "format": {"type": ["string", "null"], "description": "Any."},
        "step": {"enum": ["a", "b", None]},
        "rate": {"type": ["number", "null"], "minimum": 0},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
        "only": {"anyOf": [{"$ref": "#/components/schemas/Part"}, {"type": "null"}]},
        "title": {"type": "string", "maxLength": 64},
    }
    assert schema["properties"]["price"]["type"] == "number"


@pytest.mark.parametrize(
    "wrong",
    [
        {"firstId": "-"},
        {"at": "2026-03-04T05:06:07"},
        {"rate": -1},
        {"step": "c"},
        {"only": {"number": -1}},
        {"title": "x" * 65},
        {"firstID": "id"},
    ],
    ids=str,
)
def test_input_refused_by_the_schema_is_not_read(wrong: dict[str, object]) -> None:
    body = json.loads(to_json(MOST)) | wrong
    # Validators do not check `format`, so a time without a zone passes.
    assert "at" in wrong or not validator(sent(Whole), "Whole").is_valid(body)
    with pytest.raises(DocumentError):
        read_document(to_json(body), Whole)


def test_names_may_have_a_prefix() -> None:
    schemas = answered(Whole, prefix="Seen")
    assert schemas.keys() == {"SeenWhole", "SeenPart"}
    assert schemas["SeenWhole"]["properties"]["parts"]["items"] == {
        "$ref": "#/components/schemas/SeenPart"
    }


def test_keywords_can_be_added_to_existing_fields_only() -> None:
    schema = answered(Part)["Part"]
    assert narrowed(schema, number={"maximum": 9}) == schema | {
        "properties": {"number": {"type": "integer", "minimum": 0, "maximum": 9}}
    }
    with pytest.raises(KeyError, match="numbre"):
        narrowed(schema, numbre={"maximum": 9})
