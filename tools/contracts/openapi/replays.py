"""Replays over HTTP: start one, see its progress."""

from shared.openapi.answers import OF_A_BODY, OF_OPERATORS, Refusal, answers, location
from shared.openapi.document import Paths, for_operators, path_id
from shared.openapi.shapes import FLAG, ID, MOMENT, Schema, closed
from shared.openapi.structs import answered
from shared.replay.shapes import Replays
from shared.transport.archive import BEGINNING

#: A position: an offset of the broker, or a time.
_POINT = [
    {"type": "string", "pattern": r"^([0-9]{1,6}:)?[0-9]{1,18}$", "examples": ["17", "2:17"]},
    MOMENT | {"examples": ["2026-03-04T05:06:07Z"]},
]
_NULL = {"type": "null"}
_FLAGS = {"dryRun": FLAG, "resend": FLAG}
_END = {
    "anyOf": [*_POINT, _NULL],
    "description": "Exclusive. By default, the end of the events.",
}
_AGAIN = ID | {"examples": ["3f9c1d2e4b5a"], "description": "The replay to repeat."}

SCHEMAS: dict[str, Schema] = {
    "NewReplay": {
        "oneOf": [
            closed(
                {"from": {"anyOf": [{"const": BEGINNING}, *_POINT]}},
                {"to": _END, "again": _NULL, **_FLAGS},
            ),
            closed({"again": _AGAIN}, {"from": _NULL, "to": _END, **_FLAGS}),
        ]
    },
    **answered(Replays),
}

_UNKNOWN = Refusal(404, "There is no replay with this id")
_NOT_NOW = Refusal(409, "Another replay is running, or this one cannot be started")
_NOWHERE = Refusal(422, "Neither from nor again, or not a position in the events")


def replay_paths() -> Paths:
    refusals = (*OF_A_BODY, *OF_OPERATORS, _UNKNOWN, _NOT_NOW, _NOWHERE)
    begun = answers(202, "The replay has started.", "Replay", *refusals)
    begun["202"]["headers"] = location("The URL of the replay.")
    listed = answers(200, "Replays, newest first.", "Replays", *OF_OPERATORS)
    found = answers(200, "The replay and its progress.", "Replay", *OF_OPERATORS, _UNKNOWN)
    begin = for_operators("beginReplay", "Read stored events again", begun, "NewReplay")
    newest = for_operators("listReplays", "List replays", listed)
    one = for_operators("getReplay", "Progress of a replay", found)
    return {
        "/replays": {"post": begin, "get": newest},
        "/replays/{replayId}": {"get": one | {"parameters": [path_id("replayId", "3f9c1d2e4b5a")]}},
    }
