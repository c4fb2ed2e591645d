"""The common parts of all OpenAPI documents: the frame, and the paths of every HTTP interface."""

from collections.abc import Iterator
from typing import Any

from shared.openapi.answers import given, json_of
from shared.openapi.shapes import FLAG, TEXT, TEXT_OR_NULL, Schema, an_object

Paths = dict[str, Any]

#: For an endpoint that requires the operator token.
OPERATORS_ONLY: dict[str, Any] = {"tags": ["For operators"], "security": [{"operator": []}]}
OPERATOR: Schema = {
    "type": "http",
    "scheme": "bearer",
    "description": "The OPERATOR_TOKEN that the service was started with.",
}

PROBLEM: dict[str, Schema] = {
    "type": {"type": "string", "format": "uri-reference"},
    "title": TEXT,
    "status": {"type": "integer", "minimum": 400, "maximum": 599},
    "detail": TEXT,
}


def readiness(**more: Schema) -> Schema:
    """The schema of `/health/ready`: whether, why not, and further fields of the process."""
    return an_object({"ready": FLAG, "reason": TEXT_OR_NULL, **more})


_COMMON: dict[str, Schema] = {
    "Live": an_object({"live": {"const": True}}),
    "Ready": readiness(),
    "Problem": an_object(PROBLEM, description="RFC 9457."),
}


def document(
    title: str, description: str, paths: Paths, schemas: dict[str, Schema], **more: Any
) -> Schema:
    """An OpenAPI 3.1 document with the schemas that it refers to; `more`: further top-level fields.

    Source: https://spec.openapis.org/oas/v3.1.1.html.
    """
    secured = any("security" in operation for item in paths.values() for operation in item.values())
    return {
        "openapi": "3.1.1",
        "info": {"title": title, "version": "1", "description": description},
        # The service has the address from which the document was read.
        "servers": [{"url": "/"}],
        **more,
        "paths": paths,
        "components": {
            "schemas": _used(paths, _COMMON | schemas),
            **({"securitySchemes": {"operator": OPERATOR}} if secured else {}),
        },
    }


def _used(part: object, schemas: dict[str, Schema]) -> dict[str, Schema]:
    """The schemas that the part refers to, directly or indirectly, in the order of names."""
    found: dict[str, Schema] = {}
    waiting = [part]
    while waiting:
        for reference in references(waiting.pop()):
            home, _, name = reference.rpartition("/")
            if home == "#/components/schemas" and name not in found:
                found[name] = schemas[name]
                waiting.append(schemas[name])
    return dict(sorted(found.items()))


def references(part: object) -> Iterator[str]:
    """Every reference in the part, to this document or to another one."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def operation(name: str, summary: str, responses: Schema, **more: Any) -> Schema:
    return {"operationId": name, "summary": summary, **more, "responses": responses}


def for_operators(name: str, summary: str, responses: Schema, takes: str = "") -> Schema:
    more = body(takes) if takes else {}
    return operation(name, summary, responses, **OPERATORS_ONLY, **more)


def body(name: str, document: str = "") -> Schema:
    return {"requestBody": {"required": True, "content": json_of(name, document)}}


def page(name: str, summary: str, *media_types: str) -> Schema:
    """An operation whose response is not described by a schema."""
    content: Schema = {media_type: {} for media_type in media_types}
    return operation(name, summary, given(200, "The resource.", content))


def path_id(name: str, example: str) -> Schema:
    schema = TEXT | {"examples": [example]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def service_paths(ready_when: str = "Whether it can do its work", **more: Any) -> Paths:
    """The paths for orchestrators and Prometheus; `more`: further fields of each operation."""
    ready = {
        **given(200, "Ready.", json_of("Ready")),
        **given(503, "Not ready, with the reason.", json_of("Ready")),
    }
    live = given(200, "Live.", json_of("Live"))
    metrics = page("getMetrics", "Metrics for Prometheus", "text/plain")
    return {
        "/health/live": {"get": operation("isLive", "Whether the process responds", live, **more)},
        "/health/ready": {"get": operation("isReady", ready_when, ready, **more)},
        "/metrics": {"get": metrics | more},
    }
