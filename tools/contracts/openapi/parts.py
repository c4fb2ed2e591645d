"""What the documents of all processes share: the frame, and what every HTTP side answers."""

from collections.abc import Iterator
from typing import Any

from services.order.openapi.answers import UNAVAILABLE, Refusal, given, json_of
from services.order.openapi.schemas import SCHEMAS as OF_THE_ORDER_SERVICE
from tools.contracts.openapi.shapes import FLAG, TEXT, TEXT_OR_NULL, Schema, an_object

Paths = dict[str, Any]

#: As the order service has them, in the same words.
COMMON = {
    name: OF_THE_ORDER_SERVICE[name] for name in ("Fault", "Faults", "NewFaults", "Live", "Ready")
} | {
    "Problem": an_object(
        {
            "type": {"type": "string", "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
        },
        description="RFC 9457.",
    )
}
#: The endpoint answers nobody who has not the token of the operators.
OPERATORS_ONLY: dict[str, Any] = {"tags": ["For operators"], "security": [{"operator": []}]}

AWAY = Refusal(
    503,
    "about:blank",
    "Something that it needs is away, or an outage was asked for",
    UNAVAILABLE.headers,
)


def document(title: str, description: str, paths: Paths, schemas: dict[str, Schema]) -> Schema:
    """The document, with those of the schemas that it refers to."""
    secured = any("security" in operation for item in paths.values() for operation in item.values())
    return {
        "openapi": "3.1.1",
        "info": {"title": title, "version": "1", "description": description},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _used(paths, COMMON | schemas),
            **({"securitySchemes": _OPERATOR} if secured else {}),
        },
    }


_OPERATOR = {
    "operator": {
        "type": "http",
        "scheme": "bearer",
        "description": "The OPERATOR_TOKEN that the service was started with.",
    }
}


def _used(part: object, schemas: dict[str, Schema]) -> dict[str, Schema]:
    """What is referred to in the part, and what that refers to in turn, in the order of names."""
    found: dict[str, Schema] = {}
    waiting = [part]
    while waiting:
        for name in _references(waiting.pop()):
            if name not in found:
                found[name] = schemas[name]
                waiting.append(schemas[name])
    return dict(sorted(found.items()))


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def operation(name: str, summary: str, responses: Schema, **more: Any) -> Schema:
    return {"operationId": name, "summary": summary, **more, "responses": responses}


def body(name: str) -> Schema:
    return {"requestBody": {"required": True, "content": json_of(name)}}


def page(name: str, summary: str, media_type: str) -> Schema:
    """Something that is no JSON of ours."""
    return operation(name, summary, given(200, "Here it is.", {media_type: {}}))


def path_id(name: str, example: str) -> Schema:
    schema = TEXT | {"examples": [example]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def readiness(**more: Schema) -> Schema:
    """What `/health/ready` says: whether, why not, and what else the process knows of itself."""
    return an_object({"ready": FLAG, "reason": TEXT_OR_NULL, **more})


def service_paths() -> Paths:
    """What is there for whoever keeps the process running."""
    ready = {
        **given(200, "It is.", json_of("Ready")),
        **given(503, "It is not, and why.", json_of("Ready")),
    }
    live = given(200, "It does.", json_of("Live"))
    return {
        "/health/live": {"get": operation("isLive", "Whether the process answers at all", live)},
        "/health/ready": {"get": operation("isReady", "Whether it can do its work", ready)},
        "/metrics": {"get": page("getMetrics", "Metrics for Prometheus", "text/plain")},
    }
