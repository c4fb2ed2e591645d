"""The schemas of the document, with the limits that the code checks."""

from services.order.history import Orders
from services.order.journey import UNDONE, UNKNOWN, Journey
from services.order.order_form import USER_ID_PATTERN
from services.order.placing import ACCEPTED
from services.order.synchronous.runs import COMPLETED
from shared.activity.shapes import STATES
from shared.events import MAX_ITEMS, MAX_PRICE, MAX_QUANTITY
from shared.faults.document import SCHEMAS as FAULTS
from shared.openapi.document import PROBLEM
from shared.openapi.shapes import (
    AMOUNT_OR_NULL,
    COUNT,
    ID,
    TEXT,
    Schema,
    a_list,
    an_object,
    closed,
    money,
    narrowed,
    ref,
)
from shared.openapi.structs import answered

#: Without an example, the page at /docs generates an unreadable one from the pattern.
_AN_ORDER = {"examples": ["ord-789"]}
_A_USER = {"examples": ["usr-123"]}
AN_ORDER_ID = ID | _AN_ORDER
_NEW_USER_ID = ID | _A_USER | {"pattern": USER_ID_PATTERN.replace(r"\Z", "$")}
MAX_TOTAL = int(MAX_PRICE) * MAX_ITEMS * MAX_QUANTITY
_UUID = {"format": "uuid"}

_ITEM = {
    "productId": ID | {"examples": ["prod-456"]},
    "quantity": {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY, "examples": [2]},
    "price": money(int(MAX_PRICE)) | {"description": "Per piece.", "examples": [49.99]},
}
_HOW_MANY = {"minItems": 1, "maxItems": MAX_ITEMS}
_TOTAL = money(MAX_TOTAL) | {"examples": [99.98]}

_NEW_ORDER = closed(
    {
        "userId": _NEW_USER_ID,
        "items": a_list(an_object(_ITEM, additionalProperties=False), **_HOW_MANY),
    },
    {"totalAmount": _TOTAL | {"description": "Optional; if given, it must be correct."}},
)
_PLACED = {"orderId": AN_ORDER_ID, "status": {"enum": [ACCEPTED]}, "totalAmount": _TOTAL}
_STAGES = {"stages": a_list(ref("Stage"), description="The calls that were made.")}

_ANSWERED = answered(Orders, Journey)
_STATE = {
    "enum": [*STATES, UNDONE, UNKNOWN],
    "description": f"`{UNKNOWN}`: the service does not respond, for the reason in `reason`. "
    f"`{UNDONE}`: it did not process the order, and will not receive an event.",
}

_PROBLEM = an_object(
    PROBLEM,
    {
        "errors": a_list(an_object({"pointer": TEXT, "detail": TEXT}), minItems=1),
        "orderId": AN_ORDER_ID,
        "stage": TEXT,
        **_STAGES,
    },
    description="RFC 9457. `errors` names each invalid field by its JSON pointer (RFC 6901). "
    "`stage` names the service that failed, and `stages` lists the calls that were made.",
)

SCHEMAS: dict[str, Schema] = {
    **FAULTS,
    **_ANSWERED,
    "NewOrder": _NEW_ORDER,
    "Placed": an_object(_PLACED),
    "Done": an_object(_PLACED | {"status": {"const": COMPLETED}, **_STAGES}),
    "Item": an_object(_ITEM),
    "Order": narrowed(
        _ANSWERED["Order"],
        orderId=_AN_ORDER,
        eventId=_UUID,
        userId=_A_USER,
        # Stored as JSON and returned unparsed, so their type contains no schema.
        items=a_list(ref("Item"), **_HOW_MANY),
        totalAmount=_TOTAL,
    ),
    "Outbox": an_object(
        {
            "pending": COUNT,
            "oldestAgeSeconds": AMOUNT_OR_NULL,
            "setAside": COUNT | {"description": "Events that cannot be published as they are."},
            "running": COUNT | {"description": "Orders that are being processed synchronously."},
        }
    ),
    "Stop": narrowed(_ANSWERED["Stop"], state=_STATE),
    "Journey": narrowed(
        _ANSWERED["Journey"],
        orderId=_AN_ORDER,
        eventId=_UUID,
    ),
    "Problem": _PROBLEM,
}
