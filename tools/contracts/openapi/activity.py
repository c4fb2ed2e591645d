"""What a consumer does at this moment, for those who watch all of them."""

from shared.activity import (
    APPLIED,
    DEAD_LETTERED,
    DISCARDED,
    MOST_ORDERS,
    Activity,
    Asked,
    Ended,
)
from shared.openapi.answers import (
    AWAY,
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
from shared.openapi.document import OPERATORS_ONLY, Paths, body, operation
from shared.openapi.shapes import Schema, narrowed
from shared.openapi.structs import answered, sent

_ENDS = {"enum": [APPLIED, DEAD_LETTERED, DISCARDED]}
SCHEMAS: dict[str, Schema] = {
    **answered(Activity),
    "Asked": narrowed(sent(Asked)["Asked"], orders={"maxItems": MOST_ORDERS}),
    "Ended": narrowed(answered(Ended)["Ended"], ended={"additionalProperties": _ENDS}),
}

_TOO_MANY = Refusal(422, "Too many orders")
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
