"""The same for the simulators and the relay."""

from typing import Any

from tests.contract_causes import LONG, Cause
from tests.fakes import Outage
from tests.http_sides import HttpSide

_KEY = {"Idempotency-Key": "4711"}
_TEXT = {"to": "usr-1", "text": "Hello"}


def _misbehaving(**behaviour: Any) -> Any:
    def prepare(side: HttpSide) -> None:
        assert side.app.test_client().put("/behaviour", json=behaviour).status_code == 200

    return prepare


def send_it_before(side: HttpSide) -> None:
    answer = side.app.test_client().post("/messages", json=_TEXT, headers=_KEY)
    assert answer.status_code == 201


def take_the_database(side: HttpSide) -> None:
    Outage(side.engine).is_on = True


def _text(**more: Any) -> dict[str, Any]:
    return {"json": _TEXT, "headers": _KEY, **more}


_ANY = {("GET", "/health/live", 200): Cause(), ("GET", "/metrics", 200): Cause()}
_READY = {("GET", "/health/ready", 200): Cause()}
_MAIL, _RAW = "/api/v1/message/{id}", "/api/v1/message/{id}/raw"

RELAY: dict[tuple[str, str, int], Cause] = {**_ANY, ("GET", "/health/ready", 503): Cause()}

MAIL_SINK: dict[tuple[str, str, int], Cause] = {
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
    ("GET", _MAIL, 200): Cause(at="/api/v1/message/1"),
    ("GET", _MAIL, 404): Cause(at="/api/v1/message/2"),
    ("GET", _RAW, 200): Cause(at="/api/v1/message/1/raw"),
    ("GET", _RAW, 404): Cause(at="/api/v1/message/2/raw"),
}

SMS_GATEWAY: dict[tuple[str, str, int], Cause] = {
    **_ANY,
    **_READY,
    ("GET", "/health/ready", 503): Cause(prepare=take_the_database),
    ("POST", "/messages", 201): Cause(_text()),
    ("POST", "/messages", 200): Cause(_text(), prepare=send_it_before),
    ("POST", "/messages", 400): Cause(_text(headers={})),
    ("POST", "/messages", 413): Cause(_text(json=None, data=LONG)),
    ("POST", "/messages", 422): Cause(
        _text(json=_TEXT | {"text": "Goodbye"}), prepare=send_it_before
    ),
    ("POST", "/messages", 504): Cause(_text(), prepare=_misbehaving(loseAnswerRate=1)),
    ("GET", "/messages", 200): Cause(prepare=send_it_before),
    ("GET", "/behaviour", 200): Cause(prepare=_misbehaving(failRate=0.5)),
    ("PUT", "/behaviour", 200): Cause({"json": {"delaySeconds": 1}}),
    ("PUT", "/behaviour", 400): Cause({"json": {"delaySeconds": -1}}),
    ("PUT", "/behaviour", 413): Cause({"data": LONG}),
    ("DELETE", "/behaviour", 200): Cause(),
}
