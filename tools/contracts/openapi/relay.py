"""The relay: nobody asks it for anything but how it is."""

from tools.contracts.openapi.parts import document, readiness, service_paths
from tools.contracts.openapi.shapes import Schema

_READY = readiness(
    role={"enum": ["active", "standby"]},
    pending={"type": ["integer", "null"], "minimum": 0, "description": "Events in the outbox."},
    oldestAgeSeconds={"type": ["number", "null"], "minimum": 0},
    setAside={
        "type": ["integer", "null"],
        "minimum": 0,
        "description": "Events that cannot be published as they are.",
    },
)


def relay() -> Schema:
    does = "Takes events from the outbox to the broker."
    return document("The order relay", does, service_paths(), {"Ready": _READY})
