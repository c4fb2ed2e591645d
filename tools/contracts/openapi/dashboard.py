"""The dashboard: the API of its page. Responses of services are passed on unchanged."""

from typing import Any

from services.dashboard.lanes import LANES, SHOWN
from services.dashboard.snapshot import Snapshot
from services.dashboard.views import Many, One
from services.order.errors import UnknownOrder
from services.order.openapi.parameters import CURSOR
from services.order.openapi.refusals import kinds
from shared.openapi.answers import (
    ENCODED,
    NO_SUCH_PATH,
    OF_A_BODY,
    PROBLEM,
    TOO_LONG,
    Refusal,
    answers,
    given,
    refused,
)
from shared.openapi.document import Paths, body, document, operation, page, path_id, service_paths
from shared.openapi.shapes import COUNT, FLAG, TEXT, TIME, Schema, an_object, narrowed, ref
from shared.openapi.structs import answered, sent

OF_A_CONSUMER, OF_THE_ORDER_SERVICE = "consumer.json", "order.json"
_DESCRIPTION = """\
A page for watching the order pipeline, and the API that it uses. The API is only for this page: \
a request with a different `Host` returns `403`, and so does a request that changes something \
without the `Origin` of the page, which browsers add automatically.\
"""
_MODE = {"enum": [mode for modes in LANES.values() for mode in modes]}

_NO_FAR_END = an_object({"reason": TEXT | {"description": "Why there is none."}})
_MAIL = an_object({"to": TEXT, "subject": TEXT, "text": TEXT, "copies": COUNT})
_TEXT = an_object({"to": TEXT, "text": TEXT, "at": TIME})


_SCHEMAS: dict[str, Schema] = {
    **answered(Snapshot, prefix="Seen"),
    # Passed on from the order service, whose problem documents have the most fields.
    "Problem": ref("Problem", OF_THE_ORDER_SERVICE),
    "Operator": an_object({"operator": FLAG}),
    "Token": an_object({"token": TEXT}),
    "One": narrowed(sent(One)["One"], mode=_MODE),
    "Many": narrowed(sent(Many)["Many"], mode=_MODE),
    "Started": an_object({"started": FLAG}),
    "Stopped": an_object({"stopped": FLAG}),
    "WholeJourney": an_object(
        {
            "journey": ref("Journey", OF_THE_ORDER_SERVICE),
            "farEnds": an_object(
                {"mail": {"oneOf": [_MAIL, _NO_FAR_END]}, "text": {"oneOf": [_TEXT, _NO_FAR_END]}},
                description="The mail and the text that the downstream systems accepted.",
            ),
        }
    ),
}

_ELSEWHERE = Refusal(403, "The Host or the Origin is not that of this page")
_NOT_THE_TOKEN = Refusal(401, "The operator token is wrong")
_NO_OPERATOR = Refusal(401, "The operator token has not been entered in this session")
_FULL = Refusal(503, "The maximum number of pages is open")
_NO_LANE = Refusal(404, "This lane does not have this mode")
_A_RUN_IS_ON = Refusal(409, "A run is in progress")
_UNKNOWN = Refusal(404, "No order has an id like this")
_UNKNOWN_SERVICE = Refusal(404, "There is no such service, or it does not have this resource")
_SILENT = Refusal(502, "The service does not respond")
_FROM_THE_SERVICE: Schema = {
    "default": {
        "description": "Other responses of the service, as in its own document.",
        "content": {PROBLEM: {"schema": ref("Problem")}},
    }
}
_BY_AN_OPERATOR: dict[str, Any] = {"tags": ["For operators"], "security": [{"session": []}]}
_SESSION = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "dashboard",
        "description": "From `POST /api/session`. Signed; does not contain the token.",
    }
}


def dashboard() -> Schema:
    paths = _page() | _session() | _stream() | _orders() | _lanes() | _services()
    for operations in paths.values():
        for each in operations.values():
            each["responses"] |= refused([_ELSEWHERE])
    whole = document("The dashboard", _DESCRIPTION, paths | service_paths(), _SCHEMAS)
    whole["components"]["securitySchemes"] = _SESSION
    return whole


def _page() -> Paths:
    files = given(200, "The file.", {"text/javascript": {}, "text/css": {}, "image/svg+xml": {}})
    one = operation(
        "getFile",
        "A script, style sheet or image",
        files | refused([NO_SUCH_PATH]),
        parameters=[path_id("filename", "js/main.js")],
    )
    return {
        "/": {"get": page("getPage", "The page", "text/html")},
        "/static/{filename}": {"get": one},
    }


def _session() -> Paths:
    state = answers(200, "Whether this session is an operator's.", "Operator")
    begun = answers(200, "Operator session started.", "Operator", *OF_A_BODY, _NOT_THE_TOKEN)
    return {
        "/api/session": {
            "get": operation("getSession", "Current session", state),
            "post": operation("beginSession", "Enter the operator token", begun, **body("Token")),
            "delete": operation("endSession", "End the operator session", state),
        }
    }


def _stream() -> Paths:
    events = {"text/event-stream": {"x-events": {"snapshot": ref("SeenSnapshot")}}}
    sent = given(200, "Server-sent events: a `snapshot` twice per second.", events)
    stream = sent | refused([_FULL])
    return {"/api/stream": {"get": operation("watch", "Live snapshots of the system", stream)}}


def _orders() -> Paths:
    listed = answers(200, "Orders, newest first.", "Orders", _SILENT, of=OF_THE_ORDER_SERVICE)
    found = answers(
        200, "The journey of the order.", "WholeJourney", _UNKNOWN, *kinds(UnknownOrder), _SILENT
    )
    one = operation("getOrder", "One order's journey", found | _FROM_THE_SERVICE)
    return {
        "/api/orders": {
            "get": operation(
                "listOrders", "A page of orders", listed | _FROM_THE_SERVICE, parameters=[CURSOR]
            )
        },
        "/api/orders/{orderId}": {"get": one | {"parameters": [path_id("orderId", "ord-789")]}},
    }


def _lanes() -> Paths:
    lane = path_id("name", "events")
    lane["schema"] = {"enum": list(LANES)}
    refusals = (*OF_A_BODY, _NO_LANE)
    placed = answers(
        200, f"The result. A lane shows its newest {SHOWN}.", "SeenLaneAnswer", *refusals
    )
    started = answers(202, "The run has started.", "Started", *refusals, _A_RUN_IS_ON)
    stopped = answers(200, "No more orders are sent.", "Stopped")
    place = operation("placeOne", "Place one order", placed, **body("One"))
    start = operation("placeMany", "Place many orders, at a rate", started, **body("Many"))
    stop = operation("stopPlacing", "Stop placing", stopped)
    with_lane = {"parameters": [lane]}
    return {
        "/api/lanes/{name}/orders": {"post": place | with_lane},
        "/api/lanes/{name}/run": {"post": start | with_lane, "delete": stop | with_lane},
    }


def _services() -> Paths:
    """Paths that forward to a service, described briefly."""
    return {
        "/api/services/{name}/dead-letters": {
            "get": _look("browse", "List dead letters", "DeadLettersPage")
        },
        "/api/services/{name}/dead-letters/redrive": {
            "post": _act("redrive", "Redrive dead letters", 200, "Redriven", "Choice")
        },
        "/api/services/{name}/dead-letters/discard": {
            "post": _act("discard", "Discard dead letters", 200, "Discarded", "Choice")
        },
        "/api/services/{name}/replays": {
            "get": _look("listReplays", "List replays", "Replays"),
            "post": _act("beginReplay", "Read stored events again", 202, "Replay", "NewReplay"),
        },
        "/api/services/{name}/faults": {
            "post": _act("beginFaults", "Start faults", 200, "ActiveFaults", "NewFaults"),
            "delete": _act("clearFaults", "Clear all faults", 200, "ActiveFaults"),
        },
    }


def _look(name: str, summary: str, answer: str) -> Schema:
    responses = _of_the_service(200, answer, _UNKNOWN_SERVICE, _SILENT)
    return operation(name, summary, responses, parameters=[path_id("name", "email")])


def _act(name: str, summary: str, status: int, answer: str, takes: str | None = None) -> Schema:
    refusals = (_NO_OPERATOR, _UNKNOWN_SERVICE, TOO_LONG, ENCODED, _SILENT)
    responses = _of_the_service(status, answer, *refusals)
    more = _BY_AN_OPERATOR | (body(takes, OF_A_CONSUMER) if takes else {})
    return operation(name, summary, responses, parameters=[path_id("name", "email")], **more)


def _of_the_service(status: int, answer: str, *refusals: Refusal) -> Schema:
    own = answers(status, "The response of the service.", answer, *refusals, of=OF_A_CONSUMER)
    return own | _FROM_THE_SERVICE
