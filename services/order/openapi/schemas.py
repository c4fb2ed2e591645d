"""The shapes in the document, with the limits that the code itself checks."""

from typing import Any

from services.order.journey import IN_OUTBOX, NEVER, PUBLISHED, SET_ASIDE, UNDONE, UNKNOWN
from services.order.modes import Mode
from services.order.order_form import USER_ID_PATTERN
from services.order.placing import ACCEPTED
from services.order.runs import COMPLETED, FAILED, PENDING
from services.order.stages import FAILED as FAILED_STAGE
from services.order.stages import SUCCEEDED, TIMED_OUT
from shared.events import ID_PATTERN, MAX_ITEMS, MAX_PRICE, MAX_QUANTITY
from shared.fault_views import LONGEST_SECONDS as LONGEST_FAULT
from shared.faults import Kind
from shared.faulty import AFTER, BEFORE
from shared.history import Step
from shared.latency import LONGEST_SECONDS as LONGEST_LATENCY
from shared.latency import PATTERN as LATENCY
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
A_NEW_USER_ID = A_USER_ID | {"pattern": USER_ID_PATTERN.replace(r"\Z", "$")}
MAX_TOTAL = int(MAX_PRICE) * MAX_ITEMS * MAX_QUANTITY
TIME: Schema = {"type": "string", "format": "date-time"}
TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
COUNT: Schema = {"type": "integer", "minimum": 0}
SECONDS: Schema = {"type": "number", "minimum": 0}
STATUSES = [ACCEPTED, PENDING, COMPLETED, FAILED]

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
        "userId": A_NEW_USER_ID,
        "items": _array(_object(_ITEM, additionalProperties=False), **_ITEMS),
    },
    {"totalAmount": _TOTAL | {"description": "May be left out; else it has to be right."}},
    additionalProperties=False,
)

_PLACED = {"orderId": AN_ORDER_ID, "status": {"enum": [ACCEPTED]}, "totalAmount": _TOTAL}

_STAGE = _object(
    {
        "stage": {"type": "string", "description": "The name of the service that was called."},
        "outcome": {"enum": [*SUCCEEDED, FAILED_STAGE, TIMED_OUT]},
        "startedSeconds": SECONDS | {"description": "From the beginning of the first call."},
        "seconds": SECONDS | {"description": "How long the call took."},
        "reason": TEXT_OR_NULL,
    }
)
_STAGES = {"stages": _array(ref("Stage"), description="The calls that were made.")}

_ORDER = _object(
    {
        **_PLACED,
        "status": {"enum": STATUSES},
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

_STATES = [WAITING, WORKING, RETRYING, APPLIED, DEAD_LETTERED, DISCARDED, UNDONE, UNKNOWN]

_UNKNOWN = (
    f"`{UNKNOWN}`: the service does not answer. `{UNDONE}`: it did not do it, and no event comes."
)

_STOP = _object(
    {
        "state": {"enum": _STATES, "description": _UNKNOWN},
        "attempts": COUNT,
        "startedAt": TIME_OR_NULL,
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
        "status": {"enum": STATUSES},
        "mode": {"enum": [mode.value for mode in Mode]},
        "placedAt": TIME,
        "outbox": {
            "enum": [IN_OUTBOX, PUBLISHED, SET_ASIDE, NEVER],
            "description": f"`{SET_ASIDE}`: it cannot be published, as `outboxReason` says.",
        },
        "outboxReason": TEXT_OR_NULL,
        **_STAGES,
        "services": {
            "type": "object",
            "additionalProperties": ref("Stop"),
            "description": "By the name of the service.",
        },
    }
)

_FAULT = _object(
    {
        "kind": {"enum": [kind.value for kind in Kind]},
        "value": TEXT,
        "secondsLeft": {"type": ["number", "null"], "minimum": 0},
    }
)
_NEW_FAULTS = _object(
    {},
    {
        "latency": {
            "type": ["string", "null"],
            "pattern": LATENCY.replace(r"\Z", "$"),
            "examples": ["2", "uniform:0.5,2", "exponential:2", "normal:2,0.5"],
            "description": f"Seconds, at most {LONGEST_LATENCY:g}.",
        },
        "failures": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "outage": {"type": "boolean"},
        "crash": {"enum": [BEFORE, AFTER, None]},
        "seconds": {
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "maximum": LONGEST_FAULT,
            "description": "For how long; without it, until they are cleared.",
        },
    },
    additionalProperties=False,
)

_PROBLEM = _object(
    {
        "type": {"type": "string", "format": "uri-reference"},
        "title": TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": TEXT,
    },
    {
        "errors": _array(_object({"pointer": TEXT, "detail": TEXT}), minItems=1),
        "orderId": AN_ORDER_ID,
        "stage": TEXT,
        **_STAGES,
    },
    description="RFC 9457. `errors` names each field at fault by its JSON pointer (RFC 6901). "
    "`stage` names the service that failed an order, and `stages` what was done for it.",
)

SCHEMAS: dict[str, Schema] = {
    "NewOrder": _NEW_ORDER,
    "Placed": _object(_PLACED),
    "Done": _object(_PLACED | {"status": {"const": COMPLETED}, **_STAGES}),
    "Stage": _STAGE,
    "Item": _object(_ITEM),
    "Order": _ORDER,
    "Orders": _object(
        {
            "orders": _array(ref("Order")),
            "next": TEXT_OR_NULL | {"description": "The cursor of the next page, if there is one."},
        }
    ),
    "Outbox": _object(
        {
            "pending": COUNT,
            "oldestAgeSeconds": {"type": ["number", "null"], "minimum": 0},
            "setAside": COUNT | {"description": "Events that cannot be published as they are."},
            "running": COUNT | {"description": "Orders that are being done by calls."},
        }
    ),
    "Step": _STEP,
    "Stop": _STOP,
    "Journey": _JOURNEY,
    "Faults": _object({"faults": _array(ref("Fault"))}),
    "Fault": _FAULT,
    "NewFaults": _NEW_FAULTS,
    "Live": _object({"live": {"const": True}}),
    "Ready": _object({"ready": {"type": "boolean"}, "reason": TEXT_OR_NULL}),
    "Problem": _PROBLEM,
}
