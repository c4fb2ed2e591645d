"""Converts equivalent schemas to one form, so that they can be compared."""

from typing import Any

Schema = dict[str, Any]

_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def plain(document: Schema, schema: Schema) -> Schema:
    """The schema without references. `type` lists all types that a value may have, even if only
    the values are given. `oneOf` lists the alternatives, if there are several besides null.
    """
    schema = _resolved(document, schema)
    choices = [plain(document, each) for each in schema.get("oneOf") or schema.get("anyOf") or ()]
    alternatives = [each for each in choices if each["type"] != ["null"]]
    types = {kind for each in choices for kind in each["type"]} or _own_types(schema)
    if len(alternatives) == 1:
        schema, alternatives = schema | alternatives[0], []
    return schema | {"type": sorted(types), "oneOf": alternatives, "anyOf": []}


def _own_types(schema: Schema) -> set[str]:
    match schema:
        case {"type": str(kind)}:
            return {kind}
        case {"type": kinds}:
            return set(kinds)
        case {"const": value}:
            return {_TYPES[type(value)]}
        case _:
            return {_TYPES[type(value)] for value in schema.get("enum", ())}


def _resolved(document: Schema, schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
