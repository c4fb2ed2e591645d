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
        **given(201, "Done by every service.", json_of("Done"), headers=LOCATION, links=_LINKS),
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
    description="Answers as soon as the order is written down; all else happens afterwards. "
    "In the modes `sync` and `parallel` it answers when every service has done its part, and the "
    "order fails if one of them does not.",
    parameters=[MODE, IDEMPOTENCY_KEY, TRACEPARENT],
    requestBody=NEW_ORDER,
)


def _look(name: str, summary: str, answer: str, schema: str, **more: Any) -> dict[str, Any]:
    """What is known of one order."""
    found = answers(200, answer, schema, *kinds(UnknownOrder), NO_SUCH_PATH, UNAVAILABLE)
    return operation(name, summary, found, **_FOR_CUSTOMERS, parameters=[ORDER_ID], **more)


_GET = _look("getOrder", "Look an order up", "The order.", "Order")
_JOURNEY = _look(
    "getJourney",
    "What each service has done with an order",
    "The journey so far.",
    "Journey",
    description="Asks every service, and waits 2 s at most for each.",
)
_REFUSALS = (UNAUTHORIZED, OFF, UNAVAILABLE)
_PAGE = answers(200, "A page of orders.", "Orders", *kinds(InvalidPage), *_REFUSALS)
_LIST = for_operators("listOrders", "All orders, newest first", _PAGE)
_LIST["parameters"] = [LIMIT, CURSOR]
_OUTBOX = for_operators(
    "getOutbox",
    "How many events wait to be published, for how long, and what is being done",
    answers(200, "The state of the outbox.", "Outbox", *_REFUSALS),
)


def _page(name: str, summary: str, *media_types: str) -> dict[str, Any]:
    return page(name, summary, *media_types) | _OF_THE_SERVICE


_ASSET = _page("getAsset", "What the page is made of", "text/javascript", "text/css")
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
    "/docs": {"get": _page("getDocs", "A page to try all of this at", "text/html")},
    "/docs/{asset}": {"get": _ASSET},
}
