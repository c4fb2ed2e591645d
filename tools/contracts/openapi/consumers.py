"""The HTTP interface that all consumers share: one document for all."""

from shared.activity.shapes import OrderState
from shared.events import ORDER_PLACED
from shared.faults.document import SCHEMAS as FAULTS
from shared.faults.document import fault_paths
from shared.openapi.answers import (
    DEPENDENCY_DOWN,
    ENCODED,
    NO_SUCH_PATH,
    OF_OPERATORS,
    RETRY_AFTER,
    TOO_LONG,
    Refusal,
    answers,
    given,
    refused,
)
from shared.openapi.document import (
    Paths,
    body,
    document,
    for_operators,
    operation,
    path_id,
    readiness,
    service_paths,
)
from shared.openapi.shapes import COUNT, ID, MOMENT, TEXT, Schema, an_object, narrowed, ref
from shared.openapi.structs import answered
from tools.contracts.compatibility import rules
from tools.contracts.event_schema import event_schema
from tools.contracts.openapi.activity import SCHEMAS as ACTIVITY
from tools.contracts.openapi.activity import activity_paths
from tools.contracts.openapi.dead_letters import SCHEMAS as DEAD_LETTERS
from tools.contracts.openapi.dead_letters import dead_letter_paths
from tools.contracts.openapi.own import effect
from tools.contracts.openapi.replays import SCHEMAS as REPLAYS
from tools.contracts.openapi.replays import replay_paths

DESCRIPTION = """\
Every refusal is a problem document (RFC 9457), and changes nothing. A method that a path does not \
support returns `405`. The operators' paths require the token, and are off if none is configured.\
"""
_NOT_AN_EVENT = Refusal(400, "Not an event of the contract")
_NEVER = Refusal(422, "The event is valid, but no attempt can apply it")
_NO_RESPONSE = Refusal(504, "The outcome is unknown: the downstream system did not respond")
_FAILED = Refusal(500, "Applying the event failed, perhaps by an injected fault; retry")
_HELD = Refusal(409, "This event is already being applied", headers=RETRY_AFTER)
_UNKNOWN = Refusal(404, "No order has an id like this")

_ORDER_STATE = answered(OrderState)
_EVENT = rules(event_schema()) | {"description": "docs/contracts/events/order.placed.schema.json"}
_READY = readiness(unsettled=COUNT | {"description": "Deliveries in flight in this process."})

SCHEMAS: dict[str, Schema] = {
    "Effect": effect(),
    **_ORDER_STATE,
    "OrderState": narrowed(_ORDER_STATE["OrderState"], effects={"items": ref("Effect")}),
    "Event": _EVENT,
    "Ready": _READY,
    **ACTIVITY,
    **DEAD_LETTERS,
    **FAULTS,
    **REPLAYS,
}


def consumer() -> Schema:
    """The interface of any consumer, including one of your own."""
    paths = _events() | order_path() | _for_operators() | service_paths()
    return document("Any consumer", DESCRIPTION, paths, SCHEMAS)


def _header(name: str, schema: Schema, *, required: bool = True) -> Schema:
    return {"name": f"ce-{name}", "in": "header", "required": required, "schema": schema}


def _events() -> Paths:
    outcome = {"enum": ["applied", "applied_before", "ignored"]}
    content = {"application/json": {"schema": an_object({"outcome": outcome})}}
    receive = operation(
        "receiveEvent",
        "Apply an event synchronously",
        {
            **given(200, "Applied, now or earlier; or ignored, if its type is unknown.", content),
            **refused(
                [
                    _NOT_AN_EVENT,
                    _HELD,
                    TOO_LONG,
                    ENCODED,
                    _NEVER,
                    _FAILED,
                    DEPENDENCY_DOWN,
                    _NO_RESPONSE,
                ]
            ),
        },
        description="CloudEvents over HTTP, binary mode. If the same event also arrives from the "
        "broker, its effect is applied once.",
        parameters=[
            _header("id", ID | {"examples": ["3f1c0f4e-8f0b-4f0a-9d0a-2b8f2b6f7a11"]}),
            _header("type", TEXT | {"minLength": 1, "examples": [ORDER_PLACED]}),
            _header("time", MOMENT | {"examples": ["2026-03-04T05:06:07Z"]}),
            _header("source", TEXT | {"examples": ["/services/order"]}, required=False),
        ],
        **body("Event"),
    )
    return {"/events": {"post": receive}}


def order_path() -> Paths:
    told = answers(
        200,
        "State and history of the order.",
        "OrderState",
        _UNKNOWN,
        NO_SUCH_PATH,
        DEPENDENCY_DOWN,
    )
    one = operation("getOrderState", "State of an order at this service", told)
    return {"/orders/{orderId}": {"get": one | {"parameters": [path_id("orderId", "ord-789")]}}}


def _for_operators() -> Paths:
    lines = given(200, "One `Effect` per line, as JSON.", {"application/x-ndjson": {}})
    responses = lines | refused(OF_OPERATORS)
    return {
        "/effects": {"get": for_operators("listEffects", "All effects of this service", responses)},
        **activity_paths(),
        **dead_letter_paths(),
        **replay_paths(),
        **fault_paths("the events that are applied"),
    }
