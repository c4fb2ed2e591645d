"""The load generator of the benchmarks, against a server from the standard library."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.errors import BenchError
from bench.http_load import Client, post


class Server(ThreadingHTTPServer):
    """Responds with `status` after `seconds`, and records the requests."""

    daemon_threads = True
    seconds = 0.0
    status = 202

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.answered = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.server.seconds)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "5")
        self.end_headers()
        # In two pieces, since a response may arrive that way.
        self.wfile.write(b"do")
        self.wfile.flush()
        time.sleep(0.001)
        self.server.answered += 1
        self.wfile.write(b"ne\n")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def test_every_scheduled_request_is_sent_and_answered(server: Server) -> None:
    with closing(Client(server.server_port, lambda: post("/", b"{}"), 4)) as client:
        answers = client.scheduled(100, 0.5)
    assert server.bodies == [b"{}"] * 50
    assert [answer.body for answer in answers] == [b"done\n"] * 50
    assert all(answer.due <= answer.sent <= answer.came for answer in answers)
    dues = sorted(answer.due for answer in answers)
    assert dues[-1] - dues[0] == pytest.approx(0.49)


def test_a_slow_server_does_not_slow_the_schedule(server: Server) -> None:
    server.seconds = 2.0
    with closing(Client(server.server_port, lambda: post("/", b"{}"), 32)) as client:
        answers = client.scheduled(50, 0.5)
    # No connection is used twice in so short a time, so none waits for a response.
    assert all(answer.sent - answer.due < 2.0 for answer in answers)
    assert all(answer.came - answer.sent >= 2.0 for answer in answers)


def test_a_busy_client_sends_every_request(server: Server) -> None:
    server.seconds = 0.1
    with closing(Client(server.server_port, lambda: post("/", b"{}"), 4)) as client:
        rate = client.busy(0.5)
    assert len(server.bodies) == server.answered
    # Requests in flight at the end, one per connection, do not count.
    assert 0 < rate <= (server.answered - 4) / 0.5


def test_a_refused_request_raises_instead_of_being_measured(server: Server) -> None:
    server.status = 503
    with (
        closing(Client(server.server_port, lambda: post("/", b"{}"), 2)) as client,
        pytest.raises(BenchError, match="503"),
    ):
        client.busy(0.3)
