"""Derives schemas from the structs that the code encodes and decodes."""

from typing import Any

import msgspec

from shared.events import MAX_AMOUNT
from shared.openapi.shapes import ID, Schema, money, ref

Struct = type[msgspec.Struct]
_PYTHON_ID = ID["pattern"].removesuffix("$") + r"\Z"


def sent(*structs: Struct, prefix: str = "") -> dict[str, Schema]:
    """Schemas by name of structs in requests; fields with a default are optional."""
    template = ref(f"{prefix}{{name}}")["$ref"]
    _, schemas = msgspec.json.schema_components(structs, ref_template=template)
    return {f"{prefix}{name}": _component(schema) for name, schema in schemas.items()}


def answered(*structs: Struct, prefix: str = "") -> dict[str, Schema]:
    """Schemas by name of structs in responses: all fields are required, since defaults are encoded
    as well, and further fields may be added.
    """
    return {name: _whole(schema) for name, schema in sent(*structs, prefix=prefix).items()}


def _component(schema: Schema) -> Schema:
    """Without the title, which repeats the name, and with its description in one line."""
    found: Schema = as_json({key: value for key, value in schema.items() if key != "title"})
    words = found.get("description")
    return found | {"description": " ".join(words.split())} if words else found


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
    """A schema of msgspec, adapted to our JSON and shortened where possible."""
    match part:
        case {"format": "decimal"}:
            # msgspec assumes that a Decimal is encoded as a string; ours is a number.
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
