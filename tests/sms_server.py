"""A fake SMS gateway on a real socket, whose responses the test chooses."""

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

#: Instead of a status: close the connection after the request, never respond, or send the status
#: line, the headers or the body byte by byte without end.
DROP = -1
HANG = -2
DRIP_STATUS = -3
DRIP_HEADERS = -4
DRIP_BODY = -5
DRIPS = {
    DRIP_STATUS: (b"HTTP/1.1 200", b" "),
    DRIP_HEADERS: (b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n"),
    DRIP_BODY: (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
}


@dataclass(frozen=True)
class Request:
    path: str
    key: str
    body: object


class SmsServer(ThreadingHTTPServer):
    """Responds with `status`, or with the user's entry in `statuses`; records `requests`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 201
        self.statuses: dict[str, int] = {}
        self.headers: Mapping[str, str] = {}
        self.body = b"answer"
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SmsServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Idempotency-Key"]
        self.server.requests.append(Request(self.path, key, body))
        status = self.server.statuses.get(body.get("to", ""), self.server.status)
        with suppress(OSError):
            self._answer(status)

    def do_GET(self) -> None:
        with suppress(OSError):
            self._answer(self.server.status)

    def _answer(self, status: int) -> None:
        if status == HANG:
            self.server.closing.wait()
        if status in DRIPS:
            self._drip(*DRIPS[status])
        if status < 0:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def _drip(self, beginning: bytes, more: bytes) -> None:
        self.wfile.write(beginning)
        while not self.server.closing.wait(0.1):
            self.wfile.write(more)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""
