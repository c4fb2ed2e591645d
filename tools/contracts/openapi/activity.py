"""What a consumer does at this moment, for those who watch all of them."""

from services.order.openapi.answers import (
    ENCODED,
    NOT_UNDERSTOOD,
    OFF,
    TOO_LONG,
    UNAUTHORIZED,
    Refusal,
    given,
    json_of,
    refused,
)
from shared.activity import APPLIED, DEAD_LETTERED, DISCARDED, MOST_ORDERS, MOST_STEPS
from tools.contracts.openapi.parts import AWAY, OPERATORS_ONLY, Paths, body, operation
from tools.contracts.openapi.shapes import (
    AMOUNT,
    ANY_ID,
    COUNT,
    FLAG,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Schema,
    a_list,
    an_object,
    closed,
)

_TOO_MANY = Refusal(422, "about:blank", "Too many orders")

_QUEUE = an_object(
    {
        "ready": COUNT,
        "retrying": COUNT,
        "dead": COUNT,
        "countsHeld": FLAG | {"description": "Whether `ready` includes what consumers hold."},
    }
)
_STEP = an_object(
    {
        "step": TEXT,
        "eventId": ANY_ID,
        "orderId": ANY_ID,
        "attempt": COUNT,
        "at": TIME,
        "reason": TEXT,
        "nextAt": TIME_OR_NULL,
    }
)
_FAULT = an_object({"kind": TEXT, "value": TEXT, "secondsLeft": {"type": ["number", "null"]}})
_ACTIVITY = an_object(
    {
        "service": TEXT,
        "process": TEXT | {"description": "The one that answers, among its replicas."},
        "reason": TEXT_OR_NULL | {"description": "Why nothing is consumed."},
        "queue": {"oneOf": [_QUEUE, {"type": "null"}]},
        "queueReason": TEXT_OR_NULL | {"description": "Why the broker does not tell."},
        "unsettled": COUNT | {"description": "Deliveries in the hands of this process."},
        "rungs": a_list(an_object({"seconds": AMOUNT, "waiting": COUNT})),
        "appliedPerSecond": AMOUNT,
        "faultsAllowed": FLAG,
        "faults": a_list(_FAULT),
        "steps": a_list(_STEP, maxItems=MOST_STEPS),
    }
)
_ENDS = {"enum": [APPLIED, DEAD_LETTERED, DISCARDED]}

SCHEMAS: dict[str, Schema] = {
    "Activity": _ACTIVITY,
    "Asked": closed({}, {"orders": a_list(TEXT, maxItems=MOST_ORDERS)}),
    "Ended": an_object({"ended": {"type": "object", "additionalProperties": _ENDS}}),
}

_REFUSALS = [UNAUTHORIZED, OFF, AWAY]


def activity_paths() -> Paths:
    shown = {
        **given(200, "How it stands, and what happened lately.", json_of("Activity")),
        **refused(_REFUSALS),
    }
    ended = {
        **given(200, "Those of the orders that came to an end here.", json_of("Ended")),
        **refused([NOT_UNDERSTOOD, *_REFUSALS, TOO_LONG, ENCODED, _TOO_MANY]),
    }
    show = operation("watch", "What it does at this moment", shown, **OPERATORS_ONLY)
    ask = operation("askEnds", "How orders ended here", ended, **OPERATORS_ONLY, **body("Asked"))
    return {"/activity": {"get": show}, "/activity/ended": {"post": ask}}
