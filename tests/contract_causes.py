"""For every response in the consumers' OpenAPI documents, a request that causes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.activity.shapes import MOST_ORDERS
from tests.contract_states import (
    EVENT,
    OPERATOR,
    delete_the_broker,
    drop_tables,
    failing,
    hold_the_event,
    in_an_outage,
    leave_a_replay_running,
    nothing,
    raise_outcome_unknown,
    refuse_permanently,
    replay,
)
from tests.http_sides import HttpSide

LONG = b" " * 70_000
_CE = {"ce-id": EVENT.id, "ce-type": EVENT.type, "ce-time": EVENT.time}
_NOTICE = {"step": "redriven", "at": "2026-03-04T05:06:07Z", "events": []}


@dataclass(frozen=True)
class Cause:
    """A request, the settings of the process, and a preparation of its state.

    `at` is the requested path, where it differs from the one in the document.
    """

    request: dict[str, Any] = field(default_factory=dict)
    at: str = ""
    around: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[HttpSide], None] = nothing


def _json(body: Any) -> dict[str, Any]:
    return {"json": body, "headers": OPERATOR}


def _data(body: bytes) -> dict[str, Any]:
    return {"data": body, "headers": OPERATOR}


_ASKED: dict[str, Any] = {"headers": OPERATOR}
_ENCODED: dict[str, Any] = {"data": b"", "headers": {**OPERATOR, "Content-Encoding": "gzip"}}
_ALLOWED: dict[str, Any] = {"faults_allowed": True}


def _for_operators(method: str, path: str, at: str = "") -> dict[tuple[str, str, int], Cause]:
    """The error responses of every operator endpoint: no token, no access, and an outage."""
    return {
        (method, path, 401): Cause(at=at),
        (method, path, 404): Cause(_ASKED, at=at, around={"operator_token": None}),
        (method, path, 503): Cause(_ASKED, at=at, around=_ALLOWED, prepare=in_an_outage),
    }


def _event(**more: Any) -> dict[str, Any]:
    return {"data": EVENT.body, "headers": _CE, "content_type": "application/json", **more}


def _answered_in_an_outage(
    method: str, path: str, request: dict[str, Any] = _ASKED
) -> dict[tuple[str, str, int], Cause]:
    """Monitoring endpoints, which respond during an outage and fail only without a database."""
    return {
        (method, path, 401): Cause(),
        (method, path, 404): Cause(_ASKED, around={"operator_token": None}),
        (method, path, 503): Cause(request, prepare=drop_tables),
    }


def _takes(path: str, good: Any) -> dict[tuple[str, str, int], Cause]:
    """The responses of an operator endpoint that takes a body."""
    return {
        **_for_operators("POST", path),
        ("POST", path, 200): Cause(_json(good)),
        ("POST", path, 400): Cause(_data(b"{")),
        ("POST", path, 413): Cause(_data(LONG)),
        ("POST", path, 415): Cause(_ENCODED),
    }


#: Key: method, path and status.
COMMON: dict[tuple[str, str, int], Cause] = {
    ("POST", "/events", 200): Cause(_event()),
    ("POST", "/events", 400): Cause(_event(data=b"{}")),
    ("POST", "/events", 409): Cause(_event(), prepare=hold_the_event),
    ("POST", "/events", 413): Cause(_event(data=LONG)),
    ("POST", "/events", 415): Cause(_ENCODED),
    ("POST", "/events", 422): Cause(_event(), around={"send": refuse_permanently}),
    ("POST", "/events", 500): Cause(_event(), around=_ALLOWED, prepare=failing),
    ("POST", "/events", 503): Cause(_event(), prepare=drop_tables),
    ("POST", "/events", 504): Cause(_event(), around={"send": raise_outcome_unknown}),
    ("GET", "/orders/{orderId}", 200): Cause(at="/orders/ord-1"),
    ("GET", "/orders/{orderId}", 404): Cause(at="/orders/-"),
    ("GET", "/orders/{orderId}", 503): Cause(at="/orders/ord-1", prepare=drop_tables),
    **_for_operators("GET", "/effects"),
    ("GET", "/effects", 200): Cause(_ASKED),
    ("GET", "/effects", 503): Cause(_ASKED, prepare=drop_tables),
    **_answered_in_an_outage("GET", "/activity"),
    ("GET", "/activity", 200): Cause(_ASKED, prepare=hold_the_event),
    **_answered_in_an_outage("POST", "/activity/ended", _json({"orders": ["ord-1"]})),
    ("POST", "/activity/ended", 200): Cause(_json({"orders": ["ord-1"]})),
    ("POST", "/activity/ended", 400): Cause(_data(b"{")),
    ("POST", "/activity/ended", 413): Cause(_data(LONG)),
    ("POST", "/activity/ended", 415): Cause(_ENCODED),
    ("POST", "/activity/ended", 422): Cause(_json({"orders": ["o"] * (MOST_ORDERS + 1)})),
    **_for_operators("GET", "/dead-letters"),
    ("GET", "/dead-letters", 200): Cause(_ASKED),
    ("GET", "/dead-letters", 503): Cause(_ASKED, prepare=delete_the_broker),
    ("GET", "/dead-letters", 400): Cause(_ASKED, at="/dead-letters?limit=0"),
    **_takes("/dead-letters/redrive", {"all": True}),
    ("POST", "/dead-letters/redrive", 422): Cause(_json({})),
    **_takes("/dead-letters/discard", {"all": True}),
    ("POST", "/dead-letters/discard", 422): Cause(_json({})),
    **_takes("/dead-letters/notice", _NOTICE),
    **{key: each for key, each in _takes("/replays", None).items() if key[2] != 200},
    ("POST", "/replays", 202): Cause(_json({"from": "beginning"})),
    ("POST", "/replays", 409): Cause(_json({"from": "0"}), prepare=leave_a_replay_running),
    ("POST", "/replays", 422): Cause(_json({})),
    **_for_operators("GET", "/replays"),
    ("GET", "/replays", 200): Cause(_ASKED, prepare=replay),
    **_for_operators("GET", "/replays/{replayId}", "/replays/known"),
    ("GET", "/replays/{replayId}", 200): Cause(_ASKED, at="/replays/known", prepare=replay),
    **{
        (method, "/faults", status): Cause(request, around=around, prepare=prepare)
        for method, body in (("GET", None), ("POST", {"crash": "after"}), ("DELETE", None))
        for status, request, around, prepare in (
            (200, _json(body), _ALLOWED, nothing),
            (401, {}, _ALLOWED, nothing),
            (403, _json(body), {}, nothing),
            (404, _json(body), {"operator_token": None}, nothing),
            (503, _json(body), _ALLOWED, drop_tables),
        )
    },
    ("POST", "/faults", 400): Cause(_data(b"{"), around=_ALLOWED),
    ("POST", "/faults", 413): Cause(_data(LONG), around=_ALLOWED),
    ("POST", "/faults", 415): Cause(_ENCODED, around=_ALLOWED),
    ("POST", "/faults", 422): Cause(_json({"latency": "long"}), around=_ALLOWED),
    ("GET", "/health/live", 200): Cause(),
    ("GET", "/health/ready", 503): Cause(),
    ("GET", "/metrics", 200): Cause(),
}


def _looked_up(path: str, there: str, *, unknown: str) -> dict[tuple[str, str, int], Cause]:
    return {
        ("GET", path, 200): Cause(at=there),
        ("GET", path, 404): Cause(at=unknown),
        ("GET", path, 503): Cause(at=there, prepare=drop_tables),
    }


def _read(path: str) -> dict[tuple[str, str, int], Cause]:
    return {("GET", path, 200): Cause(), ("GET", path, 503): Cause(prepare=drop_tables)}


#: Endpoints of a single service; `{}` in a path stands for the id of the existing shipment.
OWN: dict[str, dict[tuple[str, str, int], Cause]] = {
    "inventory": {
        **_read("/stock"),
        **_looked_up("/stock/{productId}", "/stock/prod-456", unknown="/stock/-"),
    },
    "analytics": _read("/totals") | _read("/products") | _read("/orders-per-minute"),
    "shipping": {
        **_read("/joined"),
        **_looked_up("/shipments/{shipmentId}", "/shipments/{}", unknown="/shipments/shp-0"),
    },
}
