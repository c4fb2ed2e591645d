"""The paths of the document: each route of the service, what it takes and what it answers."""

from typing import Any

from services.order.errors import (
    InvalidKey,
    InvalidMode,
    InvalidOrder,
    InvalidPage,
    KeyReused,
    MalformedJson,
    OrderInProgress,
    OutboxFull,
    StageFailed,
    StageTimedOut,
    TooManyDirect,
    UnknownOrder,
    WrongMediaType,
)
from services.order.openapi.answers import (
    LOCATION,
    NO_SUCH_PATH,
    OFF,
    TOO_LONG,
    UNAUTHORIZED,
    UNAVAILABLE,
    failed,
    given,
    json_of,
    kinds,
    refused,
)
from services.order.openapi.fault_paths import fault_path
from services.order.openapi.parameters import (
    ASSET,
    CURSOR,
    IDEMPOTENCY_KEY,
    LIMIT,
    MODE,
    NEW_ORDER,
    ORDER_ID,
    TRACEPARENT,
)

ORDERS, OPERATORS, SERVICE = "Orders", "For operators", "The service itself"
_OPERATORS_ONLY = {"tags": [OPERATORS], "security": [{"operator": []}]}


def _follow(operation: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": {"orderId": "$response.body#/orderId"}}


_LINKS = {"order": _follow("getOrder"), "journey": _follow("getJourney")}

_PLACE = {
    "operationId": "placeOrder",
    "summary": "Place an order",
    "description": "Answers as soon as the order is written down; all else happens afterwards. "
    "In the modes `sync` and `parallel` it answers when every service has done its part, and the "
    "order fails if one of them does not.",
    "tags": [ORDERS],
    "parameters": [MODE, IDEMPOTENCY_KEY, TRACEPARENT],
    "requestBody": NEW_ORDER,
    "responses": {
        **given(202, "Accepted.", json_of("Placed"), headers=LOCATION, links=_LINKS),
        **given(201, "Done by every service.", json_of("Done"), headers=LOCATION, links=_LINKS),
        **failed(StageFailed, StageTimedOut),
        **refused(
            [
                *kinds(MalformedJson, InvalidMode, InvalidKey, WrongMediaType, InvalidOrder),
                TOO_LONG,
                *kinds(KeyReused, OrderInProgress, OutboxFull, TooManyDirect),
                UNAVAILABLE,
            ]
        ),
    },
}

_GET = {
    "operationId": "getOrder",
    "summary": "Look an order up",
    "tags": [ORDERS],
    "parameters": [ORDER_ID],
    "responses": {
        **given(200, "The order.", json_of("Order")),
        **refused([*kinds(UnknownOrder), NO_SUCH_PATH, UNAVAILABLE]),
    },
}

_JOURNEY = {
    "operationId": "getJourney",
    "summary": "What each service has done with an order",
    "description": "Asks every service, and waits 2 s at most for each.",
    "tags": [ORDERS],
    "parameters": [ORDER_ID],
    "responses": {
        **given(200, "The journey so far.", json_of("Journey")),
        **refused([*kinds(UnknownOrder), NO_SUCH_PATH, UNAVAILABLE]),
    },
}

_LIST = {
    "operationId": "listOrders",
    "summary": "All orders, newest first",
    **_OPERATORS_ONLY,
    "parameters": [LIMIT, CURSOR],
    "responses": {
        **given(200, "A page of orders.", json_of("Orders")),
        **refused([*kinds(InvalidPage), UNAUTHORIZED, OFF, UNAVAILABLE]),
    },
}

_OUTBOX = {
    "operationId": "getOutbox",
    "summary": "How many events wait to be published, for how long, and what is being done",
    **_OPERATORS_ONLY,
    "responses": {
        **given(200, "The state of the outbox.", json_of("Outbox")),
        **refused([UNAUTHORIZED, OFF, UNAVAILABLE]),
    },
}


def _plain(operation: str, summary: str, *media_types: str) -> dict[str, Any]:
    """Something of the service itself that is no JSON of ours."""
    content: dict[str, Any] = {media_type: {} for media_type in media_types}
    return {
        "operationId": operation,
        "summary": summary,
        "tags": [SERVICE],
        "responses": given(200, "Here it is.", content),
    }


_LIVE = _plain("isLive", "Whether the process answers at all") | {
    "responses": given(200, "It does.", json_of("Live")),
}
_READY = _plain("isReady", "Whether orders can be placed") | {
    "responses": {
        **given(200, "They can.", json_of("Ready")),
        **given(503, "They cannot, and why.", json_of("Ready")),
    },
}

_ASSET = _plain("getAsset", "What the page is made of", "text/javascript", "text/css")
_ASSET["parameters"] = [ASSET]
_ASSET["responses"] |= refused([NO_SUCH_PATH])

PATHS: dict[str, Any] = {
    "/orders": {"post": _PLACE, "get": _LIST},
    "/orders/{orderId}": {"get": _GET},
    "/orders/{orderId}/journey": {"get": _JOURNEY},
    "/outbox": {"get": _OUTBOX},
    "/faults": fault_path(_OPERATORS_ONLY),
    "/health/live": {"get": _LIVE},
    "/health/ready": {"get": _READY},
    "/metrics": {"get": _plain("getMetrics", "Metrics for Prometheus", "text/plain")},
    "/openapi.json": {"get": _plain("getDocument", "This document", "application/json")},
    "/docs": {"get": _plain("getDocs", "A page to try all of this at", "text/html")},
    "/docs/{asset}": {"get": _ASSET},
}
