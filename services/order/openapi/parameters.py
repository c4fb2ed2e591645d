"""Parameters, headers and the request body in the document."""

from typing import Any

from services.order.history import DEFAULT_PAGE, MAX_CURSOR, MAX_PAGE
from services.order.idempotency import LONGEST_KEY
from services.order.modes import Mode
from services.order.openapi.page import ASSETS
from services.order.openapi.schemas import AN_ORDER_ID
from shared.openapi.shapes import ref

Parameter = dict[str, Any]

#: Printable ASCII in quotes, where \" and \\ count as one character; or without quotes.
_KEY_PATTERN = (
    rf'^(?:"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\]){{1,{LONGEST_KEY}}}"'
    rf"|[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{{1,{LONGEST_KEY}}})$"
)

IDEMPOTENCY_KEY: Parameter = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "With a key, an order can be sent again after a lost response and is placed "
    "once. A key belongs to the user of the order: other users may use the same key.",
    "schema": {"type": "string", "pattern": _KEY_PATTERN, "examples": ['"4711"']},
}

TRACEPARENT: Parameter = {
    "name": "traceparent",
    "in": "header",
    "description": "W3C Trace Context, passed on with the event. An invalid value is ignored.",
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
    "description": "`async`: the order is stored, and processed after the response. `sync` and "
    "`parallel`: every service is called before the response, one after the other or all at once. "
    "The default is set by ORDER_MODE.",
    "schema": {"enum": [mode.value for mode in Mode]},
}

LIMIT: Parameter = {
    "name": "limit",
    "in": "query",
    "description": "Number of orders per page.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE},
}

CURSOR: Parameter = {
    "name": "cursor",
    "in": "query",
    "description": "The `next` of the previous page.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_CURSOR},
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
                    "summary": "With the total, which is verified",
                    "value": _ORDER | {"totalAmount": 99.98},
                },
            },
        }
    },
}
