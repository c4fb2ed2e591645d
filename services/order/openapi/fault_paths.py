"""The path of the document that is there for trying out what faults do."""

from typing import Any

from services.order.openapi.answers import (
    ENCODED,
    FAULTS_OFF,
    NO_FAULT,
    NOT_UNDERSTOOD,
    OFF,
    TOO_LONG,
    UNAUTHORIZED,
    UNAVAILABLE,
    given,
    json_of,
    refused,
)

_REFUSALS = [UNAUTHORIZED, FAULTS_OFF, OFF, UNAVAILABLE]
_GIVEN = given(200, "The faults that hold now.", json_of("Faults"))


def fault_path(operators_only: dict[str, Any]) -> dict[str, Any]:
    return {
        "get": {
            "operationId": "getFaults",
            "summary": "Which faults hold",
            **operators_only,
            "responses": {**_GIVEN, **refused(_REFUSALS)},
        },
        "post": {
            "operationId": "beginFaults",
            "summary": "Begin faults",
            "description": "Latency, failures and a crash meet orders that are placed. In an "
            "outage every path answers `503`, but for this one, health and metrics.",
            **operators_only,
            "requestBody": {"required": True, "content": json_of("NewFaults")},
            "responses": {
                **_GIVEN,
                **refused([NOT_UNDERSTOOD, *_REFUSALS, TOO_LONG, ENCODED, NO_FAULT]),
            },
        },
        "delete": {
            "operationId": "clearFaults",
            "summary": "End all faults",
            **operators_only,
            "responses": {**_GIVEN, **refused(_REFUSALS)},
        },
    }
