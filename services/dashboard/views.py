"""The HTTP API of the page: the stream, orders, and operations on services."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import httpx
from flask import Blueprint, Response, request
from msgspec import Meta, Struct

from services.dashboard.guard import require_operator
from services.dashboard.hub import Hub
from services.dashboard.journeys import DownstreamSystems
from services.dashboard.lanes import LANES, MAX_RATE, MOST_ORDERS, Lane, LaneRun
from services.dashboard.watched_service import Query, WatchedService
from shared.events import is_id
from shared.http.app import json_response, problem, read_body, to_json
from shared.http.documents import read_document

#: Orders per page.
PAGE = 20
#: Paths of each service that anyone may read.
READABLE = ("dead-letters", "replays")
#: Operations of an operator on a service: method and path.
ACTIONS = (
    ("POST", "faults"),
    ("DELETE", "faults"),
    ("POST", "dead-letters/redrive"),
    ("POST", "dead-letters/discard"),
    ("POST", "replays"),
)


class One(Struct, frozen=True, forbid_unknown_fields=True):
    mode: str


class Many(Struct, frozen=True, forbid_unknown_fields=True):
    mode: str
    count: Annotated[int, Meta(ge=1, le=MOST_ORDERS)]
    rate: Annotated[float, Meta(gt=0, le=MAX_RATE)]


class _Event(Struct, rename="camel"):
    event_id: str


def stream_views(hub: Hub) -> Blueprint:
    views = Blueprint("stream", __name__)

    @views.get("/api/stream")
    def stream() -> Response:
        if hub.is_full:
            return problem(503, "Too many open pages", "Close the page in another browser first.")
        return Response(hub.stream(), content_type="text/event-stream")

    return views


def order_views(order: WatchedService, downstream: DownstreamSystems) -> Blueprint:
    views = Blueprint("orders", __name__)

    @views.get("/api/orders")
    def page() -> Response:
        cursor = request.args.get("cursor")
        query: Query = {"limit": PAGE} if cursor is None else {"limit": PAGE, "cursor": cursor}
        return _forwarded(order.send("GET", "/orders", query=query))

    @views.get("/api/orders/<order_id>")
    def one(order_id: str) -> Response:
        """The journey of an order, with its mail and its text."""
        if not is_id(order_id):
            return problem(404, "Unknown order", "No order has an id like this.")
        found = order.send("GET", f"/orders/{order_id}/journey")
        if not found.is_success:
            return _forwarded(found)
        event_id = read_document(found.content, _Event).event_id
        more = {"mail": downstream.mail(event_id), "text": downstream.text(event_id)}
        body = b'{"journey":' + found.content + b',"farEnds":' + to_json(more) + b"}"
        return Response(body, content_type="application/json")

    return views


def lane_views(lanes: Mapping[str, Lane]) -> Blueprint:
    """Placing orders needs no token: customers have none."""
    views = Blueprint("lanes", __name__)

    @views.post("/api/lanes/<name>/orders")
    def place(name: str) -> Response:
        order = read_document(read_body(), One)
        return _refusal(name, order.mode) or json_response(lanes[name].place(order.mode))

    @views.post("/api/lanes/<name>/run")
    def start(name: str) -> Response:
        order = read_document(read_body(), Many)
        if refusal := _refusal(name, order.mode):
            return refusal
        if not lanes[name].start(LaneRun(order.mode, order.count, order.rate)):
            return problem(409, "A run is in progress", "Stop it first, or wait until it ends.")
        return json_response({"started": True}, 202)

    @views.delete("/api/lanes/<name>/run")
    def stop(name: str) -> Response:
        if name in lanes:
            lanes[name].stop()
        return json_response({"stopped": name in lanes})

    return views


def _refusal(lane: str, mode: str) -> Response | None:
    if mode in LANES.get(lane, ()):
        return None
    return problem(404, "No such lane", f"The lanes and their modes: {LANES}.")


def service_views(services: Mapping[str, WatchedService]) -> tuple[Blueprint, Blueprint]:
    """Views that read and views that act; each forwards the request to the service."""
    reads, actions = Blueprint("reads", __name__), Blueprint("actions", __name__)
    actions.before_request(require_operator)

    def forward(name: str, what: str) -> Response:
        if name not in services:
            return problem(404, "Unknown service", "There is no service with this name.")
        body = b"" if request.method == "GET" else read_body()
        return _forwarded(services[name].send(request.method, f"/{what}", body))

    def route(views: Blueprint, method: str, what: str) -> None:
        views.add_url_rule(
            f"/api/services/<name>/{what}",
            f"{method} {what}",
            partial(forward, what=what),
            methods=[method],
        )

    for what in READABLE:
        route(reads, "GET", what)
    for method, what in ACTIONS:
        route(actions, method, what)
    return reads, actions


def _forwarded(response: httpx.Response) -> Response:
    kind: Any = response.headers.get("Content-Type", "application/json")
    return Response(response.content, response.status_code, content_type=kind)
