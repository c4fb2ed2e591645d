"""Dead letters over HTTP: list, redrive, discard."""

from typing import Any

from shared.openapi.answers import OF_A_BODY, OF_OPERATORS, Refusal, answers
from shared.openapi.document import Paths, for_operators
from shared.openapi.shapes import COUNT, MOMENT, TEXT, Schema, a_list, an_object, closed, narrowed
from shared.openapi.structs import answered, sent
from shared.service.dead_letter_views import LONGEST_LIST, MOST_AT_ONCE, DeadLettersPage, Notice

_NO_LIST = Refusal(400, "No such list")
_WHICH = Refusal(422, "Neither handles nor all, or both")

_HANDLES = a_list(TEXT, minItems=1, maxItems=MOST_AT_ONCE)
#: Either handles, or explicitly all.
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
    **answered(DeadLettersPage),
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


def dead_letter_paths() -> Paths:
    seen = answers(200, "The oldest dead letters.", "DeadLettersPage", _NO_LIST, *OF_OPERATORS)
    noted = answers(200, "The number of recorded actions.", "Noted", *OF_A_BODY, *OF_OPERATORS)
    browse = for_operators("browse", "List dead letters", seen)
    note = "Record an operator's action at the broker"
    return {
        "/dead-letters": {"get": browse | {"parameters": [_LIMIT]}},
        "/dead-letters/redrive": {"post": _take("redrive", "Redrive dead letters", "Redriven")},
        "/dead-letters/discard": {"post": _take("discard", "Discard dead letters", "Discarded")},
        "/dead-letters/notice": {"post": for_operators("note", note, noted, "Notice")},
    }


def _take(name: str, summary: str, answer: str) -> dict[str, Any]:
    refusals = (*OF_A_BODY, *OF_OPERATORS, _WHICH)
    gone = answers(200, "The handles of the affected dead letters.", answer, *refusals)
    return for_operators(name, summary, gone, "Choice")
