"""Dead letters over HTTP: look, send back, throw away."""

from typing import Any

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
from services.order.openapi.schemas import ID
from shared.dead_letter_views import LONGEST_LIST, MOST_AT_ONCE
from tools.contracts.openapi.parts import AWAY, OPERATORS_ONLY, Paths, body, operation
from tools.contracts.openapi.shapes import COUNT, MOMENT, TEXT, Schema, a_list, an_object, closed

_NO_LIST = Refusal(400, "about:blank", "No such list")
_WHICH = Refusal(422, "about:blank", "Neither handles nor all, or both")

_LETTER = an_object(
    {
        "handle": TEXT | {"description": "The event's id, or a digest of the body without one."},
        "eventId": TEXT,
        "orderId": TEXT,
        "reason": TEXT,
        "attempts": COUNT,
        "at": TEXT,
        "body": TEXT | {"description": "To look at. A redrive sends the bytes as they are."},
    }
)
_MOVED = an_object({"eventId": ID, "orderId": ID})
_HANDLES = a_list(TEXT, minItems=1, maxItems=MOST_AT_ONCE)
#: These, or, in so many words, all of them.
_CHOICE = {
    "oneOf": [
        closed({"all": {"const": False}}, {"handles": _HANDLES}),
        closed({"handles": {"type": "null"}}, {"all": {"const": True}}),
    ]
}

SCHEMAS: dict[str, Schema] = {
    "DeadLetters": an_object({"deadLetters": a_list(_LETTER)}),
    "Choice": _CHOICE,
    "Redriven": an_object({"redriven": a_list(TEXT)}),
    "Discarded": an_object({"discarded": a_list(TEXT)}),
    "Notice": closed(
        {},
        {
            "step": {"enum": ["redriven", "discarded"]},
            "at": MOMENT,
            "events": a_list(_MOVED, maxItems=MOST_AT_ONCE),
        },
    ),
    "Noted": an_object({"noted": COUNT}),
}

_LIMIT = {
    "name": "limit",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": LONGEST_LIST, "default": 100},
}
_REFUSALS = [UNAUTHORIZED, OFF, AWAY]


def dead_letter_paths() -> Paths:
    seen = {
        **given(200, "The oldest of them; all stay.", json_of("DeadLetters")),
        **refused([_NO_LIST, *_REFUSALS]),
    }
    browse = operation("browse", "Look at dead letters", seen, **OPERATORS_ONLY)
    return {
        "/dead-letters": {"get": browse | {"parameters": [_LIMIT]}},
        "/dead-letters/redrive": {"post": _take("redrive", "Send back, as new", "Redriven")},
        "/dead-letters/discard": {"post": _take("discard", "Remove for good", "Discarded")},
        "/dead-letters/notice": {"post": _notice()},
    }


def _take(name: str, summary: str, answer: str) -> dict[str, Any]:
    answers = {
        **given(200, "The handles of those that went.", json_of(answer)),
        **refused([NOT_UNDERSTOOD, *_REFUSALS, TOO_LONG, ENCODED, _WHICH]),
    }
    return operation(name, summary, answers, **OPERATORS_ONLY, **body("Choice"))


def _notice() -> dict[str, Any]:
    answers = {
        **given(200, "How many were written down.", json_of("Noted")),
        **refused([NOT_UNDERSTOOD, *_REFUSALS, TOO_LONG, ENCODED]),
    }
    summary = "Write down what an operator has done at the broker itself"
    return operation("note", summary, answers, **OPERATORS_ONLY, **body("Notice"))
