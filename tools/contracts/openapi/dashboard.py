"""The dashboard: what its page asks for. What a service answers is passed on as it is."""

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
A page to watch the order pipeline on, and what it asks for. It is for this page alone: a request \
under another `Host` than the page's is answered with `403`, and so is one that changes something \
without the `Origin` of the page, which browsers add by themselves.\
"""
_MODE = {"enum": [mode for modes in LANES.values() for mode in modes]}

_NO_FAR_END = an_object({"reason": TEXT | {"description": "Why there is none to be shown."}})
_MAIL = an_object({"to": TEXT, "subject": TEXT, "text": TEXT, "copies": COUNT})
_TEXT = an_object({"to": TEXT, "text": TEXT, "at": TIME})


_SCHEMAS: dict[str, Schema] = {
    **answered(Snapshot, prefix="Seen"),
    # It hands on those of the order service, which say the most.
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
                description="What the mail server and the SMS gateway have of it.",
            ),
        }
    ),
}

_ELSEWHERE = Refusal(403, "The Host or the Origin is not that of this page")
_NOT_THE_TOKEN = Refusal(401, "That is not the operators' token")
_NO_OPERATOR = Refusal(401, "The operators' token has not been entered in this session")
_FULL = Refusal(503, "As many look as may")
_NO_LANE = Refusal(404, "Orders of this mode do not go by this lane")
_A_RUN_IS_ON = Refusal(409, "A run is on")
_UNKNOWN = Refusal(404, "No order has an id like this")
_UNKNOWN_SERVICE = Refusal(404, "There is no service with this name here, or it knows none")
_SILENT = Refusal(502, "The service does not answer")
_FROM_THE_SERVICE: Schema = {
    "default": {
        "description": "What else the service answers, as its own document says.",
        "content": {PROBLEM: {"schema": ref("Problem")}},
    }
}
_BY_AN_OPERATOR: dict[str, Any] = {"tags": ["For operators"], "security": [{"session": []}]}
_SESSION = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "dashboard",
        "description": "From `POST /api/session`. It is signed, and is not the token.",
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
    files = given(200, "Here it is.", {"text/javascript": {}, "text/css": {}, "image/svg+xml": {}})
    one = operation(
        "getFile",
        "A script, a style, a picture",
        files | refused([NO_SUCH_PATH]),
        parameters=[path_id("filename", "js/main.js")],
    )
    return {
        "/": {"get": page("getPage", "The page", "text/html")},
        "/static/{filename}": {"get": one},
    }


def _session() -> Paths:
    state = answers(200, "Whether this session is an operator's.", "Operator")
    begun = answers(200, "It is now.", "Operator", *OF_A_BODY, _NOT_THE_TOKEN)
    return {
        "/api/session": {
            "get": operation("getSession", "Who this is", state),
            "post": operation("beginSession", "Say the operators' token", begun, **body("Token")),
            "delete": operation("endSession", "Be nobody again", state),
        }
    }


def _stream() -> Paths:
    events = {"text/event-stream": {"x-events": {"snapshot": ref("SeenSnapshot")}}}
    sent = given(200, "Server-sent events: a `snapshot` twice a second.", events)
    stream = sent | refused([_FULL])
    return {"/api/stream": {"get": operation("watch", "What happens, as it happens", stream)}}


def _orders() -> Paths:
    listed = answers(200, "The newest first.", "Orders", _SILENT, of=OF_THE_ORDER_SERVICE)
    found = answers(
        200, "All that is known of it.", "WholeJourney", _UNKNOWN, *kinds(UnknownOrder), _SILENT
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
        200, f"What came of it. A lane shows its newest {SHOWN}.", "SeenLaneAnswer", *refusals
    )
    started = answers(202, "It runs.", "Started", *refusals, _A_RUN_IS_ON)
    stopped = answers(200, "No more are sent.", "Stopped")
    place = operation("placeOne", "Place one order", placed, **body("One"))
    start = operation("placeMany", "Place many, at a rate", started, **body("Many"))
    stop = operation("stopPlacing", "Stop placing", stopped)
    with_lane = {"parameters": [lane]}
    return {
        "/api/lanes/{name}/orders": {"post": place | with_lane},
        "/api/lanes/{name}/run": {"post": start | with_lane, "delete": stop | with_lane},
    }


def _services() -> Paths:
    """Each is the service's own; here stands in short what comes of it."""
    return {
        "/api/services/{name}/dead-letters": {
            "get": _look("browse", "Look at dead letters", "DeadLetters")
        },
        "/api/services/{name}/dead-letters/redrive": {
            "post": _act("redrive", "Send dead letters back, as new", 200, "Redriven", "Choice")
        },
        "/api/services/{name}/dead-letters/discard": {
            "post": _act("discard", "Remove dead letters for good", 200, "Discarded", "Choice")
        },
        "/api/services/{name}/replays": {
            "get": _look("listReplays", "The replays that there were", "Replays"),
            "post": _act("beginReplay", "Read stored events again", 202, "Replay", "NewReplay"),
        },
        "/api/services/{name}/faults": {
            "post": _act("beginFaults", "Begin faults", 200, "Faults", "NewFaults"),
            "delete": _act("clearFaults", "End all faults", 200, "Faults"),
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
    own = answers(status, "As the service has it.", answer, *refusals, of=OF_A_CONSUMER)
    return own | _FROM_THE_SERVICE
