"""JSON Schemas of documents that no struct describes."""

from decimal import Decimal
from typing import Any

from shared.events import ID_PATTERN

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
#: A time in a request. At the ends of the calendar, a time may be out of range in UTC.
MOMENT: Schema = TIME | {"pattern": "^(?!0001-01-01|9999-12-31)"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
AMOUNT: Schema = {"type": "number", "minimum": 0}
AMOUNT_OR_NULL: Schema = {"type": ["number", "null"], "minimum": 0}
#: An id of the contract. Only Python has \Z; in JSON Schema, $ matches only at the end.
ID: Schema = {"type": "string", "pattern": ID_PATTERN.replace(r"\Z", "$")}
#: An id as its sender chose it: only shown.
ANY_ID: Schema = {"type": "string", "maxLength": 64}


def ref(name: str, document: str = "") -> Schema:
    """The schema with this name, of this document or of another one beside it."""
    return {"$ref": f"{document}#/components/schemas/{name}"}


def an_object(required: Schema, optional: Schema | None = None, **more: Any) -> Schema:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required), **more}


def a_list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def closed(required: Schema, optional: Schema | None = None) -> Schema:
    """An object in a request: unknown fields are rejected, so that misspelt ones are noticed."""
    return an_object(required, optional, additionalProperties=False)


def money(limit: Decimal | int) -> Schema:
    # multipleOf applies to the number as written: 49.99, not the nearest binary fraction.
    return {"type": "number", "minimum": 0, "maximum": limit, "multipleOf": 0.01}


def narrowed(schema: Schema, **fields: Schema) -> Schema:
    """The schema of an object with further constraints on some of its fields. Raises KeyError for
    a field that it does not have.
    """
    properties = schema["properties"]
    return schema | {
        "properties": properties | {name: properties[name] | more for name, more in fields.items()}
    }
