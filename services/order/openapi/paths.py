"""The paths of the document: each route with its parameters and responses."""

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
    TooManySynchronous,
    UnknownOrder,
    WrongMediaType,
)
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
from services.order.openapi.refusals import LOCATION, failed, kinds
from shared.faults.document import fault_paths
from shared.openapi.answers import (
    NO_SUCH_PATH,
    OFF,
    TOO_LONG,
    UNAUTHORIZED,
    UNAVAILABLE,
    answers,
    given,
    json_of,
    refused,
)
from shared.openapi.document import OPERATORS_ONLY, for_operators, operation, page, service_paths

_FOR_CUSTOMERS: dict[str, Any] = {"tags": ["Orders"]}
_OF_THE_SERVICE: dict[str, Any] = {"tags": ["The service itself"]}
TAGS = [{"name": each["tags"][0]} for each in (_FOR_CUSTOMERS, OPERATORS_ONLY, _OF_THE_SERVICE)]


def _follow(operation: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": {"orderId": "$response.body#/orderId"}}


_LINKS = {"order": _follow("getOrder"), "journey": _follow("getJourney")}

_PLACE = operation(
    "placeOrder",
    "Place an order",
    {
        **given(202, "Accepted.", json_of("Placed"), headers=LOCATION, links=_LINKS),
        **given(
            201, "Completed by every service.", json_of("Done"), headers=LOCATION, links=_LINKS
        ),
        **failed(StageFailed, StageTimedOut),
        **refused(
            [
                *kinds(MalformedJson, InvalidMode, InvalidKey, WrongMediaType, InvalidOrder),
                TOO_LONG,
                *kinds(KeyReused, OrderInProgress, OutboxFull, TooManySynchronous),
                UNAVAILABLE,
            ]
        ),
    },
    **_FOR_CUSTOMERS,
    description="Responds as soon as the order is stored; the services process it afterwards. In "
    "the modes `sync` and `parallel` it responds when every service has finished, and the order "
    "fails if one of them fails.",
    parameters=[MODE, IDEMPOTENCY_KEY, TRACEPARENT],
    requestBody=NEW_ORDER,
)


def _lookup(name: str, summary: str, answer: str, schema: str, **more: Any) -> dict[str, Any]:
    """An operation that looks up one order."""
    found = answers(200, answer, schema, *kinds(UnknownOrder), NO_SUCH_PATH, UNAVAILABLE)
    return operation(name, summary, found, **_FOR_CUSTOMERS, parameters=[ORDER_ID], **more)


_GET = _lookup("getOrder", "Look up an order", "The order.", "Order")
_JOURNEY = _lookup(
    "getJourney",
    "State of an order at each service",
    "The journey so far.",
    "Journey",
    description="Queries every service, with a timeout of 2 s for each.",
)
_REFUSALS = (UNAUTHORIZED, OFF, UNAVAILABLE)
_PAGE = answers(200, "A page of orders.", "Orders", *kinds(InvalidPage), *_REFUSALS)
_LIST = for_operators("listOrders", "All orders, newest first", _PAGE)
_LIST["parameters"] = [LIMIT, CURSOR]
_OUTBOX = for_operators(
    "getOutbox",
    "State of the outbox: waiting events, their age, and synchronous orders in progress",
    answers(200, "The state of the outbox.", "Outbox", *_REFUSALS),
)


def _page(name: str, summary: str, *media_types: str) -> dict[str, Any]:
    return page(name, summary, *media_types) | _OF_THE_SERVICE


_ASSET = _page("getAsset", "A file of the page", "text/javascript", "text/css")
_ASSET["parameters"] = [ASSET]
_ASSET["responses"] |= refused([NO_SUCH_PATH])

PATHS: dict[str, Any] = {
    "/orders": {"post": _PLACE, "get": _LIST},
    "/orders/{orderId}": {"get": _GET},
    "/orders/{orderId}/journey": {"get": _JOURNEY},
    "/outbox": {"get": _OUTBOX},
    **fault_paths("orders that are placed"),
    **service_paths("Whether orders can be placed", **_OF_THE_SERVICE),
    "/openapi.json": {"get": _page("getDocument", "This document", "application/json")},
    "/docs": {"get": _page("getDocs", "A page for trying out the API", "text/html")},
    "/docs/{asset}": {"get": _ASSET},
}
