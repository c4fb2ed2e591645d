"""Dead letters over HTTP: look, send back, throw away."""

from typing import Any

from shared.dead_letter_views import LONGEST_LIST, MOST_AT_ONCE, Notice
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
from shared.openapi.shapes import COUNT, MOMENT, TEXT, Schema, a_list, an_object, closed, narrowed
from shared.openapi.structs import sent

_NO_LIST = Refusal(400, "No such list")
_WHICH = Refusal(422, "Neither handles nor all, or both")

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
_HANDLES = a_list(TEXT, minItems=1, maxItems=MOST_AT_ONCE)
#: These, or, in so many words, all of them.
_CHOICE = {
    "oneOf": [
        closed({"handles": _HANDLES}, {"all": {"const": False}}),
        closed({"all": {"const": True}}, {"handles": {"type": "null"}}),
    ]
}

_NOTICE = sent(Notice)
SCHEMAS: dict[str, Schema] = {
    **_NOTICE,
    "Notice": narrowed(_NOTICE["Notice"], at=MOMENT),
    "DeadLetters": an_object({"deadLetters": a_list(_LETTER)}),
    "Choice": _CHOICE,
    "Redriven": an_object({"redriven": a_list(TEXT)}),
    "Discarded": an_object({"discarded": a_list(TEXT)}),
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
