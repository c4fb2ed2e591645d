"""What requests carry in the document: parameters, headers, and the body of an order."""

from typing import Any

from services.order.history import LARGEST_CURSOR, LONGEST_PAGE, USUAL_PAGE
from services.order.idempotency import LONGEST_KEY
from services.order.modes import Mode
from services.order.openapi.page import ASSETS
from services.order.openapi.schemas import AN_ORDER_ID
from shared.openapi.shapes import ref

Parameter = dict[str, Any]

#: Printable ASCII in quotes, where \" and \\ stand for one character; or without quotes.
_KEY_PATTERN = (
    rf'^(?:"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\]){{1,{LONGEST_KEY}}}"'
    rf"|[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{{1,{LONGEST_KEY}}})$"
)

IDEMPOTENCY_KEY: Parameter = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "With it an order can be sent again, after a lost answer, and is placed once. "
    "It belongs to the user of the order: others may use the same one.",
    "schema": {"type": "string", "pattern": _KEY_PATTERN, "examples": ['"4711"']},
}

TRACEPARENT: Parameter = {
    "name": "traceparent",
    "in": "header",
    "description": "W3C Trace Context, handed on with the event. One that is not valid is ignored.",
    "schema": {
        "type": "string",
        "examples": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    },
}

ORDER_ID: Parameter = {
    "name": "orderId",
    "in": "path",
    "required": True,
    "schema": AN_ORDER_ID,
}

MODE: Parameter = {
    "name": "mode",
    "in": "query",
    "description": "`async`: written down, answered, done afterwards. `sync` and `parallel`: every "
    "service is called, in turn or all at once, before the answer. Without it, as ORDER_MODE says.",
    "schema": {"enum": [mode.value for mode in Mode]},
}

LIMIT: Parameter = {
    "name": "limit",
    "in": "query",
    "description": "How many orders a page has.",
    "schema": {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": USUAL_PAGE},
}

CURSOR: Parameter = {
    "name": "cursor",
    "in": "query",
    "description": "The `next` of the page before.",
    "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_CURSOR},
}

ASSET: Parameter = {
    "name": "asset",
    "in": "path",
    "required": True,
    "schema": {"enum": sorted(ASSETS)},
}

_ORDER: dict[str, Any] = {
    "userId": "usr-123",
    "items": [{"productId": "prod-456", "quantity": 2, "price": 49.99}],
}

NEW_ORDER: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": ref("NewOrder"),
            "examples": {
                "order": {"summary": "An order", "value": _ORDER},
                "total": {
                    "summary": "With the total, which is checked",
                    "value": _ORDER | {"totalAmount": 99.98},
                },
            },
        }
    },
}
