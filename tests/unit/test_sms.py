"""The text, and what each answer of the gateway means for the event."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from orderctl.ports import free_port
from services.sms.handler import send_text
from services.sms.settings import SmsSettings
from shared.errors import DependencyUnavailable, PermanentError
from tests.builders import an_event, an_item

#: Instead of a status: take the request and close the connection, or never answer.
DROP = -1
HANG = -2


@dataclass(frozen=True)
class Request:
    path: str
    key: str
    body: object


class Gateway(ThreadingHTTPServer):
    """Answers every request with `status`, and keeps it in `requests`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 201
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Idempotency-Key"]
        self.server.requests.append(Request(self.path, key, json.loads(body)))
        if self.server.status == HANG:
            self.server.closing.wait()
        if self.server.status < 0:
            self.close_connection = True
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"answer")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as gateway:
        threading.Thread(target=gateway.serve_forever, args=(0.01,), daemon=True).start()
        yield gateway
        gateway.closing.set()
        gateway.shutdown()


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, timeout=0.5, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_the_text_goes_out_under_the_id_of_the_event(
    gateway: Gateway, client: httpx.Client, status: int
) -> None:
    gateway.status = status
    event = an_event(an_item("prod-456", 2, "49.9"), user="usr-7")
    send_text(event, client)
    text = f"Your order {event.order.order_id} over 99.80 is confirmed."
    assert gateway.requests == [Request("/messages", event.id, {"to": "usr-7", "text": text})]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_gateway_that_says_it_is_away_is_unavailable(
    gateway: Gateway, client: httpx.Client, status: int
) -> None:
    gateway.status = status
    with pytest.raises(DependencyUnavailable, match=f"SMS gateway.*{status}"):
        send_text(an_event(), client)


@pytest.mark.parametrize("status", [DROP, HANG])
def test_a_lost_answer_is_no_fault_of_the_event(
    gateway: Gateway, client: httpx.Client, status: int
) -> None:
    gateway.status = status
    began = time.monotonic()
    with pytest.raises(DependencyUnavailable, match="SMS gateway is unavailable"):
        send_text(an_event(), client)
    assert time.monotonic() - began < 3
    assert len(gateway.requests) == 1


def test_a_gateway_that_is_not_there_is_unavailable() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with (
        httpx.Client(base_url=url, trust_env=False) as client,
        pytest.raises(DependencyUnavailable),
    ):
        send_text(an_event(), client)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_refusal_of_this_text_is_permanent(
    gateway: Gateway, client: httpx.Client, status: int
) -> None:
    gateway.status = status
    with pytest.raises(PermanentError, match=f"refused: {status} answer"):
        send_text(an_event(), client)


@pytest.mark.parametrize("status", [500, 501, 302])
def test_an_error_of_the_gateway_goes_up_the_ladder(
    gateway: Gateway, client: httpx.Client, status: int
) -> None:
    gateway.status = status
    with pytest.raises(httpx.HTTPStatusError):
        send_text(an_event(), client)


def test_the_lease_outlasts_the_longest_call() -> None:
    settings = SmsSettings(
        broker_url="sqlite:///b", database_url="sqlite:///d", work_time=1, sms_timeout=5
    )
    pool, connecting, sending, answer = 5, 5, 5, 5
    assert settings.lease > 1 + pool + connecting + sending + answer
