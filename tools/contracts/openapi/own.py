"""The individual part of each consumer: its description, effects and paths."""

from dataclasses import dataclass, field

from services.analytics.reports import MAX_PRODUCTS, MINUTES
from shared.consuming.inbox import DONE
from shared.consuming.lease_rows import SENDING
from shared.openapi.answers import DEPENDENCY_DOWN, NO_SUCH_PATH, Refusal, answers
from shared.openapi.document import Paths, operation, path_id
from shared.openapi.shapes import (
    AMOUNT,
    ANY_ID,
    COUNT,
    TEXT,
    TIME,
    TIME_OR_NULL,
    Schema,
    a_list,
    an_object,
    ref,
)


def effect(**more: Schema) -> Schema:
    """The fields of all consumers, and the additional fields of one."""
    return an_object({"eventId": ANY_ID, "orderId": ANY_ID, **more, "at": TIME})


@dataclass(frozen=True)
class Own:
    """The part of a consumer that the others do not share. `does` is a sentence."""

    does: str
    effect: Schema
    paths: Paths = field(default_factory=dict)
    schemas: dict[str, Schema] = field(default_factory=dict)


_SENT = effect(state={"enum": [SENDING, DONE]})


def _one(name: str, summary: str, schema: str, id: Schema, what: str) -> Schema:
    unknown = Refusal(404, f"There is no such {what}")
    found = answers(200, "The resource.", schema, unknown, NO_SUCH_PATH, DEPENDENCY_DOWN)
    return {"get": operation(name, summary, found, parameters=[id])}


def _all(name: str, summary: str, schema: str) -> Schema:
    return {"get": operation(name, summary, answers(200, "The resource.", schema, DEPENDENCY_DOWN))}


_INVENTORY = Own(
    "Reserves stock for every order; missing pieces are backordered.",
    effect(productId=ANY_ID, requested=COUNT, moved=COUNT, backordered=COUNT),
    {
        "/stock": _all("listStock", "Stock of all products", "Stock"),
        "/stock/{productId}": _one(
            "getStock",
            "Stock of one product",
            "Product",
            path_id("productId", "prod-456"),
            "product",
        ),
    },
    {
        "Product": an_object(
            {"productId": ANY_ID, "name": TEXT, "initial": COUNT, "onHand": COUNT}
        ),
        "Stock": an_object({"products": a_list(ref("Product"))}),
    },
)

_SOLD = an_object({"productId": ANY_ID, "revenue": AMOUNT, "quantity": COUNT})
_MINUTES = COUNT | {"description": "When the order was placed, in whole minutes since 1970."}
_MINUTE = an_object({"minute": TIME, "orders": COUNT})
_ANALYTICS = Own(
    "Records every order as a fact, and reports totals.",
    effect(totalAmount=AMOUNT, minute=_MINUTES, items=a_list(_SOLD)),
    {
        "/totals": _all("getTotals", "Number of orders, and their total revenue", "Totals"),
        "/products": _all("listProducts", "Products by revenue", "Products"),
        "/orders-per-minute": _all("listMinutes", "Orders per minute in the last hour", "Minutes"),
    },
    {
        "Totals": an_object({"orders": COUNT, "revenue": AMOUNT}),
        "Products": an_object({"products": a_list(_SOLD, maxItems=MAX_PRODUCTS)}),
        "Minutes": an_object({"minutes": a_list(_MINUTE, minItems=MINUTES, maxItems=MINUTES)}),
    },
)

_PIECES = COUNT | {"description": "Total quantity over all products."}
_SHIPPING = Own(
    "The latecomer: prepares a shipment for every order.",
    effect(shipmentId=ANY_ID, items=_PIECES, state=TEXT),
    {
        "/shipments/{shipmentId}": _one(
            "getShipment", "One shipment", "Effect", path_id("shipmentId", "shp-789"), "shipment"
        ),
        "/joined": _all("getJoined", "The time at which the service joined", "Joined"),
    },
    {"Joined": an_object({"at": TIME_OR_NULL})},
)

OWN = {
    "email": Own("Sends a confirmation for every order.", _SENT),
    "sms": Own("Sends a text for every order.", _SENT),
    "inventory": _INVENTORY,
    "analytics": _ANALYTICS,
    "shipping": _SHIPPING,
}
