"""What the page asks for: the stream, orders, and what an operator does to a service."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import httpx
from flask import Blueprint, Response, request
from msgspec import Meta, Struct

from services.dashboard.guard import operators_alone
from services.dashboard.hub import Hub
from services.dashboard.journeys import FarEnds
from services.dashboard.lanes import FASTEST, LANES, MOST_ORDERS, Lane, LaneRun
from services.dashboard.watched_service import Query, WatchedService
from shared.events import is_id
from shared.http.app import json_response, problem, read_body, to_json
from shared.http.documents import read_document

#: So many orders stand on a page.
PAGE = 20
#: What anybody may look at, at each service.
LOOKS = ("dead-letters", "replays")
#: What an operator may do there: method and path.
ACTS = (
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
    rate: Annotated[float, Meta(gt=0, le=FASTEST)]


class _Event(Struct, rename="camel"):
    event_id: str


def stream_views(hub: Hub) -> Blueprint:
    views = Blueprint("stream", __name__)

    @views.get("/api/stream")
    def stream() -> Response:
        if hub.is_full:
            return problem(503, "Too many watchers", "Close the page somewhere else first.")
        return Response(hub.stream(), content_type="text/event-stream")

    return views


def order_views(order: WatchedService, far_ends: FarEnds) -> Blueprint:
    views = Blueprint("orders", __name__)

    @views.get("/api/orders")
    def page() -> Response:
        cursor = request.args.get("cursor")
        query: Query = {"limit": PAGE} if cursor is None else {"limit": PAGE, "cursor": cursor}
        return _passed_on(order.send("GET", "/orders", query=query))

    @views.get("/api/orders/<order_id>")
    def one(order_id: str) -> Response:
        """Its journey, and what the mail server and the gateway have of it."""
        if not is_id(order_id):
            return problem(404, "Unknown order", "No order has an id like this.")
        found = order.send("GET", f"/orders/{order_id}/journey")
        if not found.is_success:
            return _passed_on(found)
        event_id = read_document(found.content, _Event).event_id
        more = {"mail": far_ends.mail(event_id), "text": far_ends.text(event_id)}
        body = b'{"journey":' + found.content + b',"farEnds":' + to_json(more) + b"}"
        return Response(body, content_type="application/json")

    return views


def lane_views(lanes: Mapping[str, Lane]) -> Blueprint:
    """Orders are placed by customers, who need no token."""
    views = Blueprint("lanes", __name__)

    @views.post("/api/lanes/<name>/orders")
    def place(name: str) -> Response:
        wish = read_document(read_body(), One)
        return _refusal(name, wish.mode) or json_response(lanes[name].place(wish.mode))

    @views.post("/api/lanes/<name>/run")
    def start(name: str) -> Response:
        wish = read_document(read_body(), Many)
        if refusal := _refusal(name, wish.mode):
            return refusal
        if not lanes[name].start(LaneRun(wish.mode, wish.count, wish.rate)):
            return problem(409, "A run is on", "Stop it first, or wait for its end.")
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
    return problem(404, "No such lane", f"Orders go by {LANES}.")


def service_views(services: Mapping[str, WatchedService]) -> tuple[Blueprint, Blueprint]:
    """Those that look, and those that act. Each is passed on to the service itself."""
    looks, acts = Blueprint("looks", __name__), Blueprint("acts", __name__)
    acts.before_request(operators_alone)

    def pass_on(name: str, what: str) -> Response:
        if name not in services:
            return problem(404, "Unknown service", "There is no service with this name here.")
        body = b"" if request.method == "GET" else read_body()
        return _passed_on(services[name].send(request.method, f"/{what}", body))

    def route(views: Blueprint, method: str, what: str) -> None:
        views.add_url_rule(
            f"/api/services/<name>/{what}",
            f"{method} {what}",
            partial(pass_on, what=what),
            methods=[method],
        )

    for what in LOOKS:
        route(looks, "GET", what)
    for method, what in ACTS:
        route(acts, method, what)
    return looks, acts


def _passed_on(answer: httpx.Response) -> Response:
    kind: Any = answer.headers.get("Content-Type", "application/json")
    return Response(answer.content, answer.status_code, content_type=kind)
