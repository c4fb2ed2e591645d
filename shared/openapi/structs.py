"""Schemas taken from the structs that the code itself encodes and decodes."""

from typing import Any

import msgspec

from shared.events import MAX_AMOUNT
from shared.openapi.shapes import ID, Schema, money, ref

Struct = type[msgspec.Struct]
_PYTHON_ID = ID["pattern"].removesuffix("$") + r"\Z"


def sent(*structs: Struct, prefix: str = "") -> dict[str, Schema]:
    """What clients send, and what it is made of, by name: fields with a default may be missing."""
    template = ref(f"{prefix}{{name}}")["$ref"]
    _, schemas = msgspec.json.schema_components(structs, ref_template=template)
    return {f"{prefix}{name}": _component(schema) for name, schema in schemas.items()}


def answered(*structs: Struct, prefix: str = "") -> dict[str, Schema]:
    """What is answered: no field is missing, since those with a default are written as well, and
    others may be added.
    """
    return {name: _whole(schema) for name, schema in sent(*structs, prefix=prefix).items()}


def _component(schema: Schema) -> Schema:
    """Under its name, which msgspec repeats as a title, and described in one line."""
    said: Schema = as_json({key: value for key, value in schema.items() if key != "title"})
    words = said.get("description")
    return said | {"description": " ".join(words.split())} if words else said


def _whole(schema: Schema) -> Schema:
    if "properties" not in schema:
        return schema
    fields = {
        name: {key: value for key, value in field.items() if key != "default"}
        for name, field in schema["properties"].items()
    }
    kept = {key: value for key, value in schema.items() if key != "additionalProperties"}
    return kept | {"properties": fields, "required": list(fields)}


def as_json(part: Any) -> Any:
    """A schema of msgspec as it holds in JSON, and shorter where that says the same."""
    match part:
        case {"format": "decimal"}:
            # msgspec takes for granted that a Decimal is written as a string. Ours is a number.
            return money(MAX_AMOUNT)
        case {"anyOf": [{"type": _} | {"enum": _} as one, {"type": "null"}], **more}:
            return as_json(more | _or_null(one))
        case {"pattern": pattern} if pattern == _PYTHON_ID:
            return part | {"pattern": ID["pattern"]}
        case dict():
            return {key: as_json(value) for key, value in part.items()}
        case list():
            return [as_json(value) for value in part]
        case _:
            return part


def _or_null(schema: Schema) -> Schema:
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    return schema | {"type": [schema["type"], "null"]}
