"""Load over HTTP/1.1 from one thread: keep-alive connections, one request at a time on each.

The client shares the machine's cores with the server under test, so it does nothing but send
bytes that were made before and find the end of the answer.
"""

import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bench.errors import BenchError

_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)
#: How long to wait for the last responses.
PATIENCE_SECONDS = 10.0
CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """`due`: when the request was scheduled; times are seconds since 1970."""

    due: float
    sent: float
    came: float
    body: bytes


def post(path: str, body: bytes) -> bytes:
    """The bytes of a request."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.due = self.sent = 0.0

    def send(self, request: bytes) -> None:
        self.socket.sendall(request)

    def answer(self) -> bytes | None:
        """The body, once all of it is here. Raises BenchError unless the status is 202."""
        received = self.socket.recv(65536)
        self._received += received
        head, _, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if received and (length is None or len(body) < int(length[1])):
            return None
        if head[9:12] != b"202":
            raise BenchError(f"unexpected response {self._received[:300]!r}")
        self._received = b""
        return body


class Client:
    """Connections to a port of this machine. `requests` makes the bytes of the next request."""

    def __init__(
        self, port: int, requests: Callable[[], bytes], connections: int = CONNECTIONS
    ) -> None:
        self._requests = requests
        self._selector = selectors.DefaultSelector()
        self._connections = [_Connection(port) for _ in range(connections)]
        for connection in self._connections:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def close(self) -> None:
        self._selector.close()
        for connection in self._connections:
            connection.socket.close()

    def busy(self, seconds: float) -> float:
        """Responses per second if each connection sends again as soon as it is answered."""
        for connection in self._connections:
            connection.send(self._requests())
        began = time.perf_counter()
        count = 0
        while (elapsed := time.perf_counter() - began) < seconds:
            for connection, _body in self._answered(seconds - elapsed):
                count += 1
                connection.send(self._requests())
        self._drain()
        return count / elapsed

    def _drain(self) -> None:
        """Wait for open requests, so that they do not disturb the next measurement."""
        open_requests = len(self._connections)
        while open_requests:
            open_requests -= len(self._answered(PATIENCE_SECONDS))

    def scheduled(self, rate: float, seconds: float) -> list[TimedAnswer]:
        """Requests at a fixed rate, whether or not earlier ones have been answered."""
        began = time.time()
        dues = deque(began + number / rate for number in range(round(rate * seconds)))
        idle = deque(self._connections)
        answers: list[TimedAnswer] = []
        total = len(dues)
        while len(answers) < total:
            self._send_due(dues, idle)
            wait = dues[0] - time.time() if dues else PATIENCE_SECONDS
            answered = self._answered(max(wait, 0.0))
            came = time.time()
            for connection, body in answered:
                answers.append(TimedAnswer(connection.due, connection.sent, came, body))
                idle.append(connection)
        return answers

    def _send_due(self, dues: deque[float], idle: deque[_Connection]) -> None:
        while dues and idle and dues[0] <= time.time():
            connection = idle.popleft()
            connection.due, connection.sent = dues.popleft(), time.time()
            connection.send(self._requests())

    def _answered(self, timeout: float) -> list[tuple[_Connection, bytes]]:
        readable = self._selector.select(timeout)
        if not readable and timeout == PATIENCE_SECONDS:
            raise BenchError(f"no response within {PATIENCE_SECONDS:g} s")
        found = []
        for key, _ in readable:
            body = key.data.answer()
            if body is not None:
                found.append((key.data, body))
        return found
