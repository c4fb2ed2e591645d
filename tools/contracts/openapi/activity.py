"""The current activity of a consumer, which the dashboard polls."""

from shared.activity.shapes import (
    APPLIED,
    DEAD_LETTERED,
    DISCARDED,
    MOST_ORDERS,
    Activity,
    Asked,
    Ended,
)
from shared.openapi.answers import OF_A_BODY, OF_OPERATORS, Refusal, answers
from shared.openapi.document import Paths, for_operators
from shared.openapi.shapes import Schema, narrowed
from shared.openapi.structs import answered, sent

_ENDS = {"enum": [APPLIED, DEAD_LETTERED, DISCARDED]}
SCHEMAS: dict[str, Schema] = {
    **answered(Activity),
    "Asked": narrowed(sent(Asked)["Asked"], orders={"maxItems": MOST_ORDERS}),
    "Ended": narrowed(answered(Ended)["Ended"], ended={"additionalProperties": _ENDS}),
}

_TOO_MANY = Refusal(422, "Too many orders")


def activity_paths() -> Paths:
    shown = answers(200, "Current state and recent steps.", "Activity", *OF_OPERATORS)
    ended = answers(
        200,
        "The outcomes of those orders that have one.",
        "Ended",
        *OF_A_BODY,
        *OF_OPERATORS,
        _TOO_MANY,
    )
    show = for_operators("watch", "Current activity of the consumer", shown)
    ask = for_operators("askEnds", "Outcomes of orders at this consumer", ended, "Asked")
    return {"/activity": {"get": show}, "/activity/ended": {"post": ask}}
