"""HTTP views of the shipments and of the time at which the service joined."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response
from sqlalchemy import Engine, select

from services.shipping.joining import joined_at
from services.shipping.schema import shipments
from shared.activity.effects import of_order, rows, stream
from shared.events import is_id
from shared.http.app import json_response, problem

_SHIPMENTS = select(
    shipments.c.shipment_id.label("shipmentId"),
    shipments.c.event_id.label("eventId"),
    shipments.c.order_id.label("orderId"),
    shipments.c["items"],
    shipments.c.state,
    shipments.c.at,
)


def list_shipments(engine: Engine, order_id: str | None) -> Iterator[dict[str, Any]]:
    query = of_order(_SHIPMENTS, shipments.c.order_id, order_id)
    return stream(engine, query, shipments.c.shipment_id)


def shipment_views(engine: Engine) -> Blueprint:
    views = Blueprint("shipments", __name__)

    @views.get("/shipments/<shipment_id>")
    def of_id(shipment_id: str) -> Response:
        # Not queried: PostgreSQL rejects a text that contains NUL.
        if not is_id(shipment_id):
            return problem(404, "Unknown shipment", "No shipment has an id like this.")
        found = rows(engine, _SHIPMENTS.where(shipments.c.shipment_id == shipment_id))
        if not found:
            return problem(404, "Unknown shipment", f"There is no shipment {shipment_id}.")
        return json_response(found[0])

    @views.get("/joined")
    def joined() -> Response:
        """`{"at"}`: the time from which it receives every event; null before it joined."""
        return json_response({"at": joined_at(engine)})

    return views
