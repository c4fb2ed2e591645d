"""The shapes in the document, with the limits that the code itself checks."""

from typing import Any

from services.order.journey import UNKNOWN
from services.order.placing import ACCEPTED
from shared.events import ID_PATTERN, MAX_ITEMS, MAX_PRICE, MAX_QUANTITY
from shared.history import Step
from shared.story import APPLIED, DEAD_LETTERED, DISCARDED, RETRYING, WAITING, WORKING

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Schema, optional: Schema | None = None, **more: Any) -> Schema:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required), **more}


def _array(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _money(limit: int) -> Schema:
    # multipleOf is said of the number as it is written: 49.99, not the nearest binary fraction.
    return {"type": "number", "minimum": 0, "maximum": limit, "multipleOf": 0.01}


#: \Z is Python's alone. In JSON Schema a pattern's $ matches at the end and nowhere else.
ID: Schema = {"type": "string", "pattern": ID_PATTERN.replace(r"\Z", "$")}
#: Without an example of its own, the page at /docs makes one up from the pattern: line noise.
AN_ORDER_ID = ID | {"examples": ["ord-789"]}
A_USER_ID = ID | {"examples": ["usr-123"]}
MAX_TOTAL = int(MAX_PRICE) * MAX_ITEMS * MAX_QUANTITY
TIME: Schema = {"type": "string", "format": "date-time"}
TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
COUNT: Schema = {"type": "integer", "minimum": 0}

_ITEM = {
    "productId": ID | {"examples": ["prod-456"]},
    "quantity": {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY, "examples": [2]},
    "price": _money(int(MAX_PRICE)) | {"description": "Of one piece.", "examples": [49.99]},
}
_ITEMS = {"minItems": 1, "maxItems": MAX_ITEMS}
_TOTAL = _money(MAX_TOTAL) | {"examples": [99.98]}

#: What a client sends is closed, so that a misspelt field is not overlooked.
_NEW_ORDER = _object(
    {
        "userId": A_USER_ID,
        "items": _array(_object(_ITEM, additionalProperties=False), **_ITEMS),
    },
    {"totalAmount": _TOTAL | {"description": "May be left out; else it has to be right."}},
    additionalProperties=False,
)

_PLACED = {"orderId": AN_ORDER_ID, "status": {"enum": [ACCEPTED]}, "totalAmount": _TOTAL}

_ORDER = _object(
    {
        **_PLACED,
        "eventId": {"type": "string", "format": "uuid"},
        "userId": A_USER_ID,
        "items": _array(ref("Item"), **_ITEMS),
        "placedAt": TIME,
    }
)

_STEP = _object(
    {
        "step": {"enum": [step.value for step in Step]},
        "attempt": COUNT,
        "reason": TEXT,
        "nextAt": TIME_OR_NULL,
        "at": TIME,
    }
)

_STATES = [WAITING, WORKING, RETRYING, APPLIED, DEAD_LETTERED, DISCARDED, UNKNOWN]

_STOP = _object(
    {
        "state": {"enum": _STATES, "description": f"`{UNKNOWN}`: the service does not answer."},
        "attempts": COUNT,
        "at": TIME_OR_NULL,
        "reason": TEXT_OR_NULL,
        "nextAt": TIME_OR_NULL,
        "history": _array(ref("Step")),
    }
)

_JOURNEY = _object(
    {
        "orderId": AN_ORDER_ID,
        "eventId": {"type": "string", "format": "uuid"},
        "placedAt": TIME,
        "outbox": {"enum": ["waiting", "published"]},
        "services": {
            "type": "object",
            "additionalProperties": ref("Stop"),
            "description": "By the name of the service.",
        },
    }
)

_PROBLEM = _object(
    {
        "type": {"type": "string", "format": "uri-reference"},
        "title": TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": TEXT,
    },
    {"errors": _array(_object({"pointer": TEXT, "detail": TEXT}), minItems=1)},
    description="RFC 9457. `errors` names each field at fault by its JSON pointer (RFC 6901).",
)

SCHEMAS: dict[str, Schema] = {
    "NewOrder": _NEW_ORDER,
    "Placed": _object(_PLACED),
    "Item": _object(_ITEM),
    "Order": _ORDER,
    "Orders": _object(
        {
            "orders": _array(ref("Order")),
            "next": TEXT_OR_NULL | {"description": "The cursor of the next page, if there is one."},
        }
    ),
    "Outbox": _object(
        {"pending": COUNT, "oldestAgeSeconds": {"type": ["number", "null"], "minimum": 0}}
    ),
    "Step": _STEP,
    "Stop": _STOP,
    "Journey": _JOURNEY,
    "Live": _object({"live": {"const": True}}),
    "Ready": _object({"ready": {"type": "boolean"}, "reason": TEXT_OR_NULL}),
    "Problem": _PROBLEM,
}
