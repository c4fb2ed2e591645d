"""All our HTTP clients: a response that arrives byte by byte is not waited for."""

import ast
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from orderctl.audit.evidence_client import EvidenceClient
from orderctl.errors import EvidenceUnreadable
from orderctl.http_client import open_client as open_ours
from services.dashboard import watched_service as neighbours
from services.dashboard.watched_service import NoResponse, WatchedService
from services.order.journey import Consumers
from services.order.modes import Mode
from services.order.synchronous.calls import TIMED_OUT, StageCalls
from shared.http.bounded_client import open_client
from tests.builders import a_message
from tests.sms_server import DRIP_BODY, DRIP_HEADERS, DRIP_STATUS, SmsServer

ROOT = Path(__file__).parents[4]
#: Calls that create an httpx client, or send a request without one.
OPENS_A_CONNECTION = {
    f"httpx.{name}"
    for name in ("Client", "AsyncClient", "get", "post", "put", "delete", "request", "stream")
}
DRIPS = [DRIP_STATUS, DRIP_HEADERS, DRIP_BODY]


@pytest.fixture(params=DRIPS)
def dripping(request: pytest.FixtureRequest) -> Iterator[SmsServer]:
    with SmsServer() as server:
        server.status = request.param
        yield server


@contextmanager
def listing(parts: Sequence[bytes]) -> Iterator[str]:
    """The URL of a server that sends these parts, one every tenth of a second."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                for part in parts:
                    self.wfile.write(part)
                    over.wait(0.1)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        over.set()
        server.shutdown()


def seconds_of(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_a_stage_that_responds_byte_by_byte_times_out(dripping: SmsServer) -> None:
    stages = StageCalls({"email": dripping.url}, timeout=0.5, orders=1)
    began = time.monotonic()
    [stage] = stages.run(Mode.SYNC, a_message())
    assert stage.outcome == TIMED_OUT
    assert time.monotonic() - began < stages.longest(Mode.SYNC)


def test_a_journey_does_not_wait_for_a_slow_response(dripping: SmsServer) -> None:
    consumers = Consumers({"email": dripping.url})
    assert seconds_of(lambda: consumers.query("ord-1")) < 4
    assert consumers.query("ord-1")["email"].state == "unknown"


def test_the_dashboard_does_not_wait_for_a_slow_response(dripping: SmsServer) -> None:
    neighbour = WatchedService(
        "email", dripping.url, SecretStr("t" * 16), neighbours.open_client(0.5)
    )
    began = time.monotonic()
    with pytest.raises(NoResponse, match="in time"):
        neighbour.send("GET", "/activity")
    assert time.monotonic() - began < 2


def test_no_command_waits_for_a_slow_response(dripping: SmsServer) -> None:
    began = time.monotonic()
    with open_ours(0.5) as client, pytest.raises(EvidenceUnreadable, match="email at"):
        EvidenceClient(client, "email", dripping.url).get("/joined", dict)
    assert time.monotonic() - began < 2


def test_a_call_with_its_own_timeout_ends_then(dripping: SmsServer) -> None:
    began = time.monotonic()
    with open_ours(60) as client, pytest.raises(httpx.TimeoutException):
        client.get(dripping.url, timeout=0.5)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("more", [b'{"a": ', b"\n"], ids=["half a line", "empty lines"])
def test_a_list_without_a_next_line_times_out(more: bytes) -> None:
    began = time.monotonic()
    with listing([b'{"n": 1}\n', *[more] * 50]) as url, open_ours(0.5) as client:
        lines = EvidenceClient(client, "inventory", url).lines("/effects", dict)
        with pytest.raises(EvidenceUnreadable, match="inventory at"):
            next(lines)
    assert time.monotonic() - began < 4


def test_a_list_may_take_longer_and_be_longer_than_each_of_its_lines() -> None:
    parts = [part for n in range(10) for part in (b'{"n":', b" %d}" % n, b"\n")]
    limits = httpx.Limits()
    with listing(parts) as url, open_client(1.0, limits=limits, most_bytes=20) as client:
        lines = EvidenceClient(client, "inventory", url).lines("/effects", dict)
        assert [line["n"] for line in lines] == list(range(10))


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    few = open_client(5.0, limits=httpx.Limits(), most_bytes=20)
    with listing([b"x" * 11] * 2) as url, few as client:
        lines = EvidenceClient(client, "inventory", url).lines("/effects", dict)
        with pytest.raises(EvidenceUnreadable, match="more than 20 bytes"):
            next(lines)


def test_all_our_clients_are_bounded() -> None:
    """Every client is created by `shared.http.bounded_client`."""
    unbounded = [
        f"{file}:{node.lineno}"
        for folder in ("shared", "services", "simulators", "orderctl", "bench", "loadtest", "docs")
        for file in (ROOT / folder).rglob("*.py")
        if file != ROOT / "shared/http/bounded_client.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in OPENS_A_CONNECTION
    ]
    assert unbounded == []
