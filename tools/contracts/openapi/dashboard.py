"""The dashboard: what its page asks for. What a service answers is passed on as it is."""

from typing import Any

import msgspec

from services.dashboard.lanes import FASTEST, LANES, MOST_ORDERS, SHOWN
from services.dashboard.snapshot import Snapshot
from services.order.errors import UnknownOrder
from services.order.openapi.answers import (
    ENCODED,
    NO_SUCH_PATH,
    NOT_UNDERSTOOD,
    TOO_LONG,
    Refusal,
    given,
    json_of,
    kinds,
    refused,
)
from services.order.openapi.parameters import CURSOR
from services.order.openapi.schemas import SCHEMAS as OF_THE_ORDER_SERVICE
from services.order.openapi.schemas import ref
from tools.contracts.openapi.dead_letters import SCHEMAS as DEAD_LETTERS
from tools.contracts.openapi.parts import (
    Paths,
    body,
    document,
    operation,
    page,
    path_id,
    service_paths,
)
from tools.contracts.openapi.replays import SCHEMAS as REPLAYS
from tools.contracts.openapi.shapes import (
    COUNT,
    FLAG,
    TEXT,
    TIME,
    Schema,
    an_object,
    closed,
)

_DESCRIPTION = """\
A page to watch the order pipeline on, and what it asks for. It is for this page alone: a request \
under another `Host` than the page's is answered with `403`, and so is one that changes something \
without the `Origin` of the page, which browsers add by themselves.\
"""
_MODES = {"enum": [mode for modes in LANES.values() for mode in modes]}

_NO_FAR_END = an_object({"reason": TEXT | {"description": "Why there is none to be shown."}})
_MAIL = an_object({"to": TEXT, "subject": TEXT, "text": TEXT, "copies": COUNT})
_TEXT = an_object({"to": TEXT, "text": TEXT, "at": TIME})


def _snapshot() -> dict[str, Schema]:
    """As the code has it: a snapshot, and what it is made of."""
    template = "#/components/schemas/Seen{name}"
    _, parts = msgspec.json.schema_components([Snapshot], ref_template=template)
    return {f"Seen{name}": _in_one_line(part) for name, part in parts.items()}


def _in_one_line(part: Schema) -> Schema:
    words = part.get("description")
    return part | {"description": " ".join(words.split())} if words else part


_SCHEMAS: dict[str, Schema] = {
    **OF_THE_ORDER_SERVICE,
    **DEAD_LETTERS,
    **REPLAYS,
    **_snapshot(),
    "Operator": an_object({"operator": FLAG}),
    "Token": an_object({"token": TEXT}),
    "One": closed({}, {"mode": _MODES}),
    "Many": closed(
        {},
        {
            "mode": _MODES,
            "count": {"type": "integer", "minimum": 1, "maximum": MOST_ORDERS},
            "rate": {"type": "number", "exclusiveMinimum": 0, "maximum": FASTEST},
        },
    ),
    "Started": an_object({"started": FLAG}),
    "Stopped": an_object({"stopped": FLAG}),
    "WholeJourney": an_object(
        {
            "journey": ref("Journey"),
            "farEnds": an_object(
                {"mail": {"oneOf": [_MAIL, _NO_FAR_END]}, "text": {"oneOf": [_TEXT, _NO_FAR_END]}},
                description="What the mail server and the SMS gateway have of it.",
            ),
        }
    ),
}

_PLAIN = "about:blank"
_ELSEWHERE = Refusal(403, _PLAIN, "The Host or the Origin is not that of this page")
_NOT_THE_TOKEN = Refusal(401, _PLAIN, "That is not the operators' token")
_NO_OPERATOR = Refusal(401, _PLAIN, "Nobody has said the operators' token in this session")
_FULL = Refusal(503, _PLAIN, "As many look as may")
_NO_LANE = Refusal(404, _PLAIN, "Orders of this mode do not go by this lane")
_A_RUN_IS_ON = Refusal(409, _PLAIN, "A run is on")
_UNKNOWN = Refusal(404, _PLAIN, "No order has an id like this")
_UNKNOWN_SERVICE = Refusal(404, _PLAIN, "There is no service with this name here, or it knows none")
_SILENT = Refusal(502, _PLAIN, "The service does not answer")
_FROM_THE_SERVICE: Schema = {
    "default": {
        "description": "What else the service answers, as its own document says.",
        "content": {"application/problem+json": {"schema": ref("Problem")}},
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
    paths = _page() | _session() | _stream() | _orders() | _lanes() | _services() | service_paths()
    whole = document("The dashboard", _DESCRIPTION, paths, _SCHEMAS)
    whole["components"]["securitySchemes"] = _SESSION
    return whole


def _answers(status: int, description: str, schema: str, *refusals: Refusal) -> Schema:
    return {
        **given(status, description, json_of(schema)),
        **refused([*refusals, _ELSEWHERE]),
    }


def _page() -> Paths:
    files = given(200, "Here it is.", {"text/javascript": {}, "text/css": {}, "image/svg+xml": {}})
    one = operation(
        "getFile",
        "A script, a style, a picture",
        files | refused([NO_SUCH_PATH, _ELSEWHERE]),
        parameters=[path_id("filename", "js/main.js")],
    )
    whole = page("getPage", "The page", "text/html")
    whole["responses"] |= refused([_ELSEWHERE])
    return {"/": {"get": whole}, "/static/{filename}": {"get": one}}


def _session() -> Paths:
    state = _answers(200, "Whether this session is an operator's.", "Operator")
    begun = _answers(
        200, "It is now.", "Operator", NOT_UNDERSTOOD, _NOT_THE_TOKEN, TOO_LONG, ENCODED
    )
    return {
        "/api/session": {
            "get": operation("getSession", "Who this is", state),
            "post": operation("beginSession", "Say the operators' token", begun, **body("Token")),
            "delete": operation("endSession", "Be nobody again", state),
        }
    }


def _stream() -> Paths:
    events = {"text/event-stream": {"x-events": {"snapshot": ref("SeenSnapshot")}}}
    answers = {
        **given(200, "Server-sent events: a `snapshot` twice a second.", events),
        **refused([_ELSEWHERE, _FULL]),
    }
    return {"/api/stream": {"get": operation("watch", "What happens, as it happens", answers)}}


def _orders() -> Paths:
    listed = _answers(200, "The newest first.", "Orders", _SILENT) | _FROM_THE_SERVICE
    found = _answers(
        200, "All that is known of it.", "WholeJourney", _UNKNOWN, *kinds(UnknownOrder), _SILENT
    )
    one = operation("getOrder", "One order's journey", found | _FROM_THE_SERVICE)
    return {
        "/api/orders": {
            "get": operation("listOrders", "A page of orders", listed, parameters=[CURSOR])
        },
        "/api/orders/{orderId}": {"get": one | {"parameters": [path_id("orderId", "ord-789")]}},
    }


def _lanes() -> Paths:
    lane = path_id("name", "events")
    lane["schema"] = {"enum": list(LANES)}
    refusals = (NOT_UNDERSTOOD, _NO_LANE, TOO_LONG, ENCODED)
    placed = _answers(
        200, f"What came of it. A lane shows its newest {SHOWN}.", "SeenAnswer", *refusals
    )
    started = _answers(202, "It runs.", "Started", *refusals, _A_RUN_IS_ON)
    stopped = _answers(200, "No more are sent.", "Stopped")
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
    answers = _answers(200, "As the service has it.", answer, _UNKNOWN_SERVICE, _SILENT)
    parameters = [path_id("name", "email")]
    return operation(name, summary, answers | _FROM_THE_SERVICE, parameters=parameters)


def _act(name: str, summary: str, status: int, answer: str, wish: str | None = None) -> Schema:
    refusals = (_NO_OPERATOR, _UNKNOWN_SERVICE, TOO_LONG, ENCODED, _SILENT)
    answers = _answers(status, "As the service has it.", answer, *refusals) | _FROM_THE_SERVICE
    more = _BY_AN_OPERATOR | (body(wish) if wish else {})
    return operation(name, summary, answers, parameters=[path_id("name", "email")], **more)
