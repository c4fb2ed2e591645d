"""The HTTP side of the order service: read the request, call one function, respond."""

import re

from flask import Blueprint, Flask, Response, request
from pydantic import SecretStr
from sqlalchemy import Engine

from services.order.backlog_watch import BacklogWatch
from services.order.errors import (
    InvalidMode,
    InvalidPage,
    OrderFailed,
    RequestRefused,
    WrongMediaType,
    failed_to_problem,
    to_problem,
)
from services.order.faults import inject_faults
from services.order.history import (
    DEFAULT_PAGE,
    MAX_CURSOR,
    MAX_PAGE,
    find_order,
    page_of_orders,
)
from services.order.idempotency import read_key
from services.order.journey import Consumers, journey
from services.order.json_body import read_json
from services.order.metrics import exposition, measure
from services.order.modes import Mode
from services.order.openapi.views import docs
from services.order.order_form import read_order
from services.order.outbox import BacklogLimit, backlog
from services.order.placing import Place, Placed
from services.order.schema import metadata
from services.order.synchronous.placing import SynchronousPlacing
from services.order.synchronous.runs import FinishedRun, Runs
from shared.database.schema import check_schema
from shared.errors import DatabaseUnavailable
from shared.faults.injection import FaultInjector
from shared.faults.views import fault_views
from shared.http.app import create_app, is_encoded, json_response, read_body
from shared.http.operator_auth import Guard, operators_only

#: W3C Trace Context, version 00. An id of zeros only is invalid.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def create_order_app(
    engine: Engine,
    place: Place,
    bound: BacklogLimit,
    *,
    consumers: Consumers,
    synchronous: SynchronousPlacing,
    injector: FaultInjector,
    mode: Mode = Mode.ASYNC,
    token: SecretStr | None = None,
) -> Flask:
    """`place` stores orders of the mode async, `synchronous` processes the other modes, and
    `mode` is the default. `engine` is used for reading.

    `token` grants access to the operators' paths: the list of orders, the state of the outbox,
    and fault injection, if `injector` allows it.
    """
    app = create_app(exposition(BacklogWatch(lambda: backlog(engine)).backlog))
    app.register_error_handler(RequestRefused, to_problem)
    app.register_error_handler(OrderFailed, failed_to_problem)
    app.register_blueprint(_placing(place, bound, synchronous, mode))
    app.register_blueprint(_lookup(engine, synchronous.runs, consumers))
    app.register_blueprint(_for_operators(engine, synchronous.runs, operators_only(token)))
    app.register_blueprint(fault_views(injector.faults, operators_only(token)))
    app.register_blueprint(_health(engine, injector))
    app.register_blueprint(docs())
    measure(app)
    inject_faults(app, injector)
    return app


def _placing(
    place: Place, bound: BacklogLimit, synchronous: SynchronousPlacing, default: Mode
) -> Blueprint:
    views = Blueprint("placing", __name__)

    @views.post("/orders")
    def post() -> Response:
        mode = _mode(default)
        key = read_key(request.headers.get("Idempotency-Key"))
        order = read_order(read_json(_body()))
        if mode is not Mode.ASYNC:
            return _completed(synchronous.place(order, mode, key=key, traceparent=_traceparent()))
        bound.check()
        return _accepted(place(order, key=key, traceparent=_traceparent()))

    return views


def _accepted(placed: Placed) -> Response:
    return _placed(placed, 202)


def _completed(done: FinishedRun) -> Response:
    return _placed(done, 201, stages=done.stages)


def _placed(order: Placed | FinishedRun, status: int, **more: object) -> Response:
    body = {"orderId": order.order_id, "status": order.status, "totalAmount": order.total_amount}
    response = json_response(body | more, status)
    response.headers["Location"] = f"/orders/{order.order_id}"
    return response


def _lookup(engine: Engine, runs: Runs, consumers: Consumers) -> Blueprint:
    views = Blueprint("lookup", __name__)

    @views.get("/orders/<order_id>")
    def one(order_id: str) -> Response:
        return json_response(find_order(engine, order_id))

    @views.get("/orders/<order_id>/journey")
    def journey_of(order_id: str) -> Response:
        return json_response(journey(engine, runs, consumers, find_order(engine, order_id)))

    return views


def _for_operators(engine: Engine, runs: Runs, guard: Guard) -> Blueprint:
    views = Blueprint("operators", __name__)
    views.before_request(guard)

    @views.get("/orders")
    def page() -> Response:
        limit = _number("limit", MAX_PAGE) or DEFAULT_PAGE
        cursor = _number("cursor", MAX_CURSOR)
        return json_response(page_of_orders(engine, limit=limit, cursor=cursor))

    @views.get("/outbox")
    def outbox() -> Response:
        state = backlog(engine)
        return json_response(
            {
                "pending": state.pending,
                "oldestAgeSeconds": state.oldest_age_seconds,
                "setAside": state.set_aside,
                "running": runs.running(),
            }
        )

    return views


def _health(engine: Engine, injector: FaultInjector) -> Blueprint:
    views = Blueprint("health", __name__)

    @views.get("/health/ready")
    def ready() -> Response:
        """Checks only the database: orders are accepted even without a broker."""
        try:
            check_schema(engine, metadata)
        except DatabaseUnavailable as error:
            return json_response({"ready": False, "reason": str(error)}, 503)
        reason = injector.outage()
        return json_response({"ready": not reason, "reason": reason}, 503 if reason else 200)

    return views


def _body() -> bytes:
    if request.mimetype != "application/json":
        raise WrongMediaType(f"the media type is {request.mimetype or 'missing'}")
    charset = request.mimetype_params.get("charset", "utf-8")
    if is_encoded() or charset.lower() not in ("utf-8", "utf8"):
        raise WrongMediaType("the body is encoded: send it in UTF-8, without Content-Encoding")
    return read_body()


def _traceparent() -> str:
    """The caller's trace context; "" if it is missing or invalid."""
    header = request.headers.get("traceparent", "")
    return header if _TRACEPARENT.fullmatch(header) else ""


def _mode(default: Mode) -> Mode:
    """The requested mode, or the default. Raises InvalidMode."""
    values = request.args.getlist("mode")
    if not values:
        return default
    if len(values) == 1 and values[0] in list(Mode):
        return Mode(values[0])
    raise InvalidMode(f"mode must be one of {', '.join(Mode)}")


def _number(name: str, largest: int) -> int | None:
    """A query parameter; None if it is missing. Raises InvalidPage."""
    text = request.args.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text) or not 1 <= int(text) <= largest:
        raise InvalidPage(f"{name} must be a number from 1 to {largest}")
    return int(text)
