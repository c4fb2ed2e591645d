"""The same for the simulators, the relay and the dashboard."""

from typing import Any

from services.dashboard.hub import MOST_WATCHERS
from tests.contract_causes import LONG, Cause
from tests.contracts import openapi, operations
from tests.documented import TOKEN, session
from tests.documented_service import THE_ORDER
from tests.fakes import Outage
from tests.http_sides import HttpSide

Causes = dict[tuple[str, str, int], Cause]
_KEY = {"Idempotency-Key": "4711"}
_GZIP = {"Content-Encoding": "gzip"}
_TEXT = {"to": "usr-1", "text": "Hello"}


def _misbehaving(**behaviour: Any) -> Any:
    def prepare(side: HttpSide) -> None:
        assert side.app.test_client().put("/behaviour", json=behaviour).status_code == 200

    return prepare


def send_it_before(side: HttpSide) -> None:
    answer = side.app.test_client().post("/messages", json=_TEXT, headers=_KEY)
    assert answer.status_code == 201


def disable_the_database(side: HttpSide) -> None:
    Outage(side.engine).is_on = True


def _text(**more: Any) -> dict[str, Any]:
    return {"json": _TEXT, "headers": _KEY, **more}


_ANY = {("GET", "/health/live", 200): Cause(), ("GET", "/metrics", 200): Cause()}
_READY = {("GET", "/health/ready", 200): Cause()}
_MAIL, _RAW = "/api/v1/message/{id}", "/api/v1/message/{id}/raw"

RELAY: Causes = {**_ANY, ("GET", "/health/ready", 503): Cause()}

MAIL_SINK: Causes = {
    **_ANY,
    **_READY,
    ("GET", "/", 200): Cause(),
    ("GET", "/livez", 200): Cause(),
    ("GET", "/readyz", 200): Cause(),
    ("GET", "/api/v1/info", 200): Cause(),
    ("GET", "/api/v1/messages", 200): Cause(),
    ("DELETE", "/api/v1/messages", 200): Cause({"json": {"IDs": ["1"]}}),
    ("DELETE", "/api/v1/messages", 400): Cause({"data": b"{"}),
    ("DELETE", "/api/v1/messages", 413): Cause({"data": LONG}),
    ("DELETE", "/api/v1/messages", 415): Cause({"headers": _GZIP}),
    ("GET", _MAIL, 200): Cause(at="/api/v1/message/1"),
    ("GET", _MAIL, 404): Cause(at="/api/v1/message/2"),
    ("GET", _RAW, 200): Cause(at="/api/v1/message/1/raw"),
    ("GET", _RAW, 404): Cause(at="/api/v1/message/2/raw"),
}

SMS_GATEWAY: Causes = {
    **_ANY,
    **_READY,
    ("GET", "/health/ready", 503): Cause(prepare=disable_the_database),
    ("POST", "/messages", 201): Cause(_text()),
    ("POST", "/messages", 200): Cause(_text(), prepare=send_it_before),
    ("POST", "/messages", 400): Cause(_text(headers={})),
    ("POST", "/messages", 413): Cause(_text(json=None, data=LONG)),
    ("POST", "/messages", 415): Cause(_text(headers={**_KEY, **_GZIP})),
    ("POST", "/messages", 422): Cause(
        _text(json=_TEXT | {"text": "Goodbye"}), prepare=send_it_before
    ),
    ("POST", "/messages", 504): Cause(_text(), prepare=_misbehaving(loseAnswerRate=1)),
    ("GET", "/messages", 200): Cause(prepare=send_it_before),
    ("GET", "/behaviour", 200): Cause(prepare=_misbehaving(failRate=0.5)),
    ("PUT", "/behaviour", 200): Cause({"json": {"delaySeconds": 1}}),
    ("PUT", "/behaviour", 400): Cause({"json": {"delaySeconds": -1}}),
    ("PUT", "/behaviour", 413): Cause({"data": LONG}),
    ("PUT", "/behaviour", 415): Cause({"headers": _GZIP}),
    ("DELETE", "/behaviour", 200): Cause(),
}


# --- the dashboard --------------------------------------------------------------------------------

_NAMES = {"orderId": THE_ORDER, "filename": "js/main.js", "name": "email"}
_SAID = {"headers": {"Cookie": f"dashboard={session()}"}}
_RUN = {"mode": "async", "count": 2, "rate": 200}


def _at(path: str, **names: str) -> str:
    lane = {"name": "events"} if path.startswith("/api/lanes/") else {}
    return path.format(**_NAMES | lane | names)


def remove_the_neighbours(side: HttpSide) -> None:
    side.app.extensions["neighbours"].clear()


def leave_a_run_running(side: HttpSide) -> None:
    slowly = _RUN | {"count": 10_000, "rate": 0.01}
    assert side.app.test_client().post("/api/lanes/events/run", json=slowly).status_code == 202


def open_most_streams(side: HttpSide) -> None:
    """Watchers count for as long as their responses are kept."""
    client = side.app.test_client()
    side.app.extensions["looking"] = [client.get("/api/stream") for _ in range(MOST_WATCHERS)]


def _given(method: str, path: str, status: int = 200, **request: Any) -> Causes:
    return {(method, path, status): Cause(request, at=_at(path))}


def _takes(path: str, good: Any, status: int = 200) -> Causes:
    """The responses of an endpoint that takes a body without a token."""
    return {
        **_given("POST", path, status, json=good),
        **_given("POST", path, 400, data=b"{"),
        **_given("POST", path, 413, data=LONG),
        **_given("POST", path, 415, headers=_GZIP),
    }


def _forwarded(method: str, path: str) -> Causes:
    """The errors of a forwarded request: the target is unknown, or does not respond."""
    unknown = {"orderId": "-"} if "{orderId}" in path else {"name": "nobody"}
    return {
        (method, path, 404): Cause(_SAID, at=_at(path, **unknown)),
        (method, path, 502): Cause(_SAID, at=_at(path), prepare=remove_the_neighbours),
    }


def _act(method: str, path: str, good: Any, status: int = 200) -> Causes:
    return {
        **_given(method, path, status, json=good, **_SAID),
        **_given(method, path, 401, json=good),
        **_given(method, path, 413, data=LONG, **_SAID),
        **_given(method, path, 415, headers={**_SAID["headers"], **_GZIP}),
        **_forwarded(method, path),
    }


def _from_elsewhere() -> Causes:
    """Requests from another site: every path except the probes is reserved for the page."""
    evil = {"headers": {"Origin": "http://evil.example", "Host": "evil.example"}}
    return {
        (method, path, 403): Cause(evil, at=_at(path))
        for method, path, _ in operations(openapi("dashboard"))
        if not path.startswith(("/health/", "/metrics"))
    }


_LANE, _ON = "/api/lanes/{name}/orders", "/api/lanes/{name}/run"
_THERE = "/api/services/{name}"
DASHBOARD: Causes = {
    **_ANY,
    ("GET", "/health/ready", 503): Cause(),
    **_from_elsewhere(),
    **_given("GET", "/"),
    **_given("GET", "/static/{filename}"),
    ("GET", "/static/{filename}", 404): Cause(at="/static/none.js"),
    **_given("GET", "/api/session"),
    **_takes("/api/session", {"token": TOKEN}),
    **_given("POST", "/api/session", 401, json={"token": "another"}),
    **_given("DELETE", "/api/session"),
    **_given("GET", "/api/stream"),
    ("GET", "/api/stream", 503): Cause(prepare=open_most_streams),
    **_given("GET", "/api/orders"),
    ("GET", "/api/orders", 502): Cause(prepare=remove_the_neighbours),
    **_given("GET", "/api/orders/{orderId}"),
    **_forwarded("GET", "/api/orders/{orderId}"),
    **_takes(_LANE, {"mode": "async"}),
    ("POST", _LANE, 404): Cause({"json": {"mode": "async"}}, at=_at(_LANE, name="calls")),
    **_takes(_ON, _RUN, 202),
    ("POST", _ON, 404): Cause({"json": _RUN}, at=_at(_ON, name="calls")),
    ("POST", _ON, 409): Cause({"json": _RUN}, at=_at(_ON), prepare=leave_a_run_running),
    **_given("DELETE", _ON),
    **_given("GET", f"{_THERE}/dead-letters"),
    **_forwarded("GET", f"{_THERE}/dead-letters"),
    **_given("GET", f"{_THERE}/replays"),
    **_forwarded("GET", f"{_THERE}/replays"),
    **_act("POST", f"{_THERE}/dead-letters/redrive", {"all": True}),
    **_act("POST", f"{_THERE}/dead-letters/discard", {"all": True}),
    **_act("POST", f"{_THERE}/replays", {"from": "beginning"}, 202),
    **_act("POST", f"{_THERE}/faults", {"outage": True}),
    **_act("DELETE", f"{_THERE}/faults", None),
}
