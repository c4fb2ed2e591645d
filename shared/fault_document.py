"""`/faults` as OpenAPI documents describe it; the views are in `fault_views`."""

from typing import Any

from shared.fault_views import NewFaults
from shared.faults import Kind
from shared.latency import LONGEST_SECONDS as LONGEST_LATENCY
from shared.latency import PATTERN as LATENCY
from shared.openapi.answers import (
    ENCODED,
    NOT_UNDERSTOOD,
    OFF,
    TOO_LONG,
    UNAUTHORIZED,
    UNAVAILABLE,
    Refusal,
    given,
    json_of,
    refused,
)
from shared.openapi.document import OPERATORS_ONLY, Paths, body, operation
from shared.openapi.shapes import AMOUNT_OR_NULL, TEXT, Schema, a_list, an_object, narrowed, ref
from shared.openapi.structs import sent

_FAULTS_OFF = Refusal(403, "The service was not started with FAULTS_ALLOWED")
_NO_FAULT = Refusal(422, "There is no such fault")
_REFUSALS = [UNAUTHORIZED, _FAULTS_OFF, OFF, UNAVAILABLE]
_GIVEN = given(200, "The faults that are active now.", json_of("Faults"))

SCHEMAS: dict[str, Schema] = {
    "Faults": an_object({"faults": a_list(ref("Fault"))}),
    "Fault": an_object(
        {
            "kind": {"enum": [kind.value for kind in Kind]},
            "value": TEXT,
            "secondsLeft": AMOUNT_OR_NULL,
        }
    ),
    "NewFaults": narrowed(
        sent(NewFaults)["NewFaults"],
        latency={
            "pattern": LATENCY.replace(r"\Z", "$"),
            "examples": ["2", "uniform:0.5,2", "exponential:2", "normal:2,0.5"],
            "description": f"Seconds, at most {LONGEST_LATENCY:g}.",
        },
        seconds={"description": "For how long; without it, until they are cleared."},
    ),
}


def fault_paths(meets: str) -> Paths:
    """`meets`: what latency, failures and a crash happen to."""
    begin = {
        "description": f"Latency, failures and a crash meet {meets}. In an outage every path "
        "answers `503`, but for this one, health and metrics.",
        **OPERATORS_ONLY,
        **body("NewFaults"),
    }
    begun = _answers(NOT_UNDERSTOOD, *_REFUSALS, TOO_LONG, ENCODED, _NO_FAULT)
    shown = _answers(*_REFUSALS)
    return {
        "/faults": {
            "get": operation("getFaults", "Which faults are active", shown, **OPERATORS_ONLY),
            "post": operation("beginFaults", "Begin faults", begun, **begin),
            "delete": operation("clearFaults", "End all faults", shown, **OPERATORS_ONLY),
        }
    }


def _answers(*refusals: Refusal) -> dict[str, Any]:
    return _GIVEN | refused(refusals)
