"""Small words for schemas."""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
#: A time that is read: at the ends of the calendar, another zone may have it and UTC not.
MOMENT: Schema = TIME | {"pattern": "^(?!0001-01-01|9999-12-31)"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
#: An id of whoever sent it: here it is only shown.
ANY_ID: Schema = {"type": "string", "maxLength": 64}
AMOUNT: Schema = {"type": "number", "minimum": 0}


def an_object(required: Schema, optional: Schema | None = None, **more: Any) -> Schema:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required), **more}


def a_list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def closed(optional: Schema, required: Schema | None = None) -> Schema:
    """What a client sends: a field that is not known is refused."""
    return an_object(required or {}, optional, additionalProperties=False)
