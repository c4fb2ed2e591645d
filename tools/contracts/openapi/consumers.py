"""What every consumer answers. What one of them has of its own stands in `own`."""

from typing import Any

from services.order.openapi.answers import (
    ENCODED,
    NO_SUCH_PATH,
    OFF,
    TOO_LONG,
    UNAUTHORIZED,
    Refusal,
    given,
    json_of,
    refused,
)
from services.order.openapi.fault_paths import fault_path
from services.order.openapi.schemas import ID, ref
from shared.events import ORDER_PLACED
from shared.history import Step
from shared.story import APPLIED, DEAD_LETTERED, DISCARDED, RETRYING, WAITING, WORKING
from tools.contracts.compatibility import rules
from tools.contracts.event_schema import event_schema
from tools.contracts.openapi.activity import SCHEMAS as ACTIVITY
from tools.contracts.openapi.activity import activity_paths
from tools.contracts.openapi.dead_letters import SCHEMAS as DEAD_LETTERS
from tools.contracts.openapi.dead_letters import dead_letter_paths
from tools.contracts.openapi.own import Own
from tools.contracts.openapi.parts import (
    AWAY,
    OPERATORS_ONLY,
    Paths,
    document,
    operation,
    path_id,
    readiness,
    service_paths,
)
from tools.contracts.openapi.replays import SCHEMAS as REPLAYS
from tools.contracts.openapi.replays import replay_paths
from tools.contracts.openapi.shapes import (
    ANY_ID,
    COUNT,
    MOMENT,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Schema,
    a_list,
    an_object,
)

_DESCRIPTION = """\
Every refusal is a problem document (RFC 9457), and changes nothing. A method that a path does not \
have is answered with `405`. What is for operators takes the token, and is off without one.\
"""
_NOT_AN_EVENT = Refusal(400, "about:blank", "Not an event of the contract")
_NEVER = Refusal(422, "about:blank", "The event is understood, and no attempt can apply it")
_IN_THE_DARK = Refusal(504, "about:blank", "It may be done: what was asked for it did not answer")
_FAILED = Refusal(500, "about:blank", "It failed, perhaps on purpose; try again")
_HELD = Refusal(409, "about:blank", "Somebody is at work on this event", AWAY.headers)
_UNKNOWN = Refusal(404, "about:blank", "No order has an id like this")

_STATES = [WAITING, WORKING, RETRYING, APPLIED, DEAD_LETTERED, DISCARDED]
_STEP = an_object(
    {
        "eventId": ANY_ID,
        "step": {"enum": [step.value for step in Step]},
        "attempt": COUNT,
        "reason": {"type": "string"},
        "nextAt": TIME_OR_NULL,
        "at": TIME,
    }
)
_STORY = an_object(
    {
        "orderId": ANY_ID,
        "state": {"enum": _STATES},
        "attempts": COUNT,
        "startedAt": TIME_OR_NULL,
        "at": TIME_OR_NULL,
        "reason": TEXT_OR_NULL,
        "nextAt": TIME_OR_NULL,
        "history": a_list(_STEP),
        "effects": a_list(ref("Effect")),
    }
)
_EVENT = rules(event_schema()) | {"description": "docs/contracts/events/order.placed.schema.json"}


def consumer(service: str, own: Own) -> Schema:
    paths = _events() | _orders() | own.paths | _for_operators() | service_paths()
    ready = readiness(unsettled=COUNT | {"description": "Deliveries in its hands."})
    common = {"Effect": own.effect, "Story": _STORY, "Event": _EVENT, "Ready": ready}
    schemas = common | own.schemas | ACTIVITY | DEAD_LETTERS | REPLAYS
    return document(f"The {service} service", f"{own.does} {_DESCRIPTION}", paths, schemas)


def _header(name: str, schema: Schema, *, required: bool = True) -> Schema:
    return {"name": f"ce-{name}", "in": "header", "required": required, "schema": schema}


def _events() -> Paths:
    outcome = {"enum": ["applied", "applied_before", "ignored"]}
    content = {"application/json": {"schema": an_object({"outcome": outcome})}}
    receive = operation(
        "receiveEvent",
        "Apply an event at once",
        {
            **given(200, "It has been applied, now or before, or its type is not known.", content),
            **refused(
                [_NOT_AN_EVENT, _HELD, TOO_LONG, ENCODED, _NEVER, _FAILED, AWAY, _IN_THE_DARK]
            ),
        },
        description="CloudEvents over HTTP, binary mode. The effect is the one that the same "
        "event from the broker has: whichever comes first does it.",
        parameters=[
            _header("id", ID | {"examples": ["3f1c0f4e-8f0b-4f0a-9d0a-2b8f2b6f7a11"]}),
            _header("type", TEXT | {"minLength": 1, "examples": [ORDER_PLACED]}),
            _header("time", MOMENT | {"examples": ["2026-03-04T05:06:07Z"]}),
            _header("source", TEXT | {"examples": ["/services/order"]}, required=False),
        ],
        requestBody={"required": True, "content": {"application/json": {"schema": ref("Event")}}},
    )
    return {"/events": {"post": receive}}


def _orders() -> Paths:
    answers = {
        **given(200, "What was done, and what is in the way.", json_of("Story")),
        **refused([_UNKNOWN, NO_SUCH_PATH, AWAY]),
    }
    one = operation("getStory", "What this service has done with an order", answers)
    return {"/orders/{orderId}": {"get": one | {"parameters": [path_id("orderId", "ord-789")]}}}


def _for_operators() -> Paths:
    lines: dict[str, Any] = {"application/x-ndjson": {}}
    answers = {
        **given(200, "An `Effect` a line, as JSON.", lines),
        **refused([UNAUTHORIZED, OFF, AWAY]),
    }
    effects = operation("listEffects", "Everything that it did", answers, **OPERATORS_ONLY)
    faults = fault_path(OPERATORS_ONLY)
    faults["post"]["description"] = (
        "Latency, failures and a crash meet the events that are applied. In an outage every path "
        "answers `503`, but for this one, health and metrics."
    )
    return {
        "/effects": {"get": effects},
        **activity_paths(),
        **dead_letter_paths(),
        **replay_paths(),
        "/faults": faults,
    }
