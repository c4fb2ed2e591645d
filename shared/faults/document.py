"""The OpenAPI description of `/faults`; the views are in `shared/faults/views.py`."""

from shared.faults.latency import LONGEST_SECONDS as LONGEST_LATENCY
from shared.faults.latency import PATTERN as LATENCY
from shared.faults.shapes import ActiveFaults, NewFaults
from shared.openapi.answers import OF_A_BODY, OFF, UNAUTHORIZED, UNAVAILABLE, Refusal, answers
from shared.openapi.document import Paths, for_operators
from shared.openapi.shapes import Schema, narrowed
from shared.openapi.structs import answered, sent

_FAULTS_OFF = Refusal(403, "The service was not started with FAULTS_ALLOWED")
_NO_FAULT = Refusal(422, "The fault is not valid")
_REFUSALS = [UNAUTHORIZED, _FAULTS_OFF, OFF, UNAVAILABLE]

SCHEMAS: dict[str, Schema] = {
    **answered(ActiveFaults),
    "NewFaults": narrowed(
        sent(NewFaults)["NewFaults"],
        latency={
            "pattern": LATENCY.replace(r"\Z", "$"),
            "examples": ["2", "uniform:0.5,2", "exponential:2", "normal:2,0.5"],
            "description": f"Seconds, at most {LONGEST_LATENCY:g}.",
        },
        seconds={"description": "The duration; without it, the faults last until cleared."},
    ),
}


def fault_paths(meets: str) -> Paths:
    """`meets`: the work that latency, failures and a crash affect."""
    active = (200, "The faults that are active now.", "ActiveFaults")
    shown = answers(*active, *_REFUSALS)
    begun = answers(*active, *OF_A_BODY, *_REFUSALS, _NO_FAULT)
    begin = for_operators("beginFaults", "Begin faults", begun, "NewFaults")
    begin["description"] = (
        f"Latency, failures and a crash affect {meets}. In an outage every path responds with "
        "`503`, except this one, health and metrics."
    )
    return {
        "/faults": {
            "get": for_operators("getFaults", "Which faults are active", shown),
            "post": begin,
            "delete": for_operators("clearFaults", "End all faults", shown),
        }
    }
