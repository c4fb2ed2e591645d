"""The relay, which has only health checks and metrics."""

from shared.openapi.document import document, readiness, service_paths
from shared.openapi.shapes import AMOUNT_OR_NULL, Schema

_READY = readiness(
    role={"enum": ["active", "standby"]},
    pending={"type": ["integer", "null"], "minimum": 0, "description": "Events in the outbox."},
    oldestAgeSeconds=AMOUNT_OR_NULL,
    setAside={
        "type": ["integer", "null"],
        "minimum": 0,
        "description": "Events that cannot be published as they are.",
    },
)


def relay() -> Schema:
    does = "Publishes the events in the outbox to the broker."
    return document("The order relay", does, service_paths(), {"Ready": _READY})
