"""HTTP clients that bound each call as a whole, in time and size.

httpx bounds only each read, so a byte now and then could keep a call going for ever. Here the
timeout covers the whole call: getting a connection, connecting, sending, and receiving the
response. For a list that is read line by line, the limits apply to each line.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, cast

import httpcore
import httpx

#: The most bytes of a response. Responses between services have a few hundred KB at most.
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
#: How much of a request waits for its next part, or until the response is read.
PIECE_BYTES = 16 * 1024
#: Extension of a request for a list of unknown length: the limits of time and size apply to each
#: line instead of the whole response.
LINE_BY_LINE = {"line_by_line": True}


def open_client(
    seconds: float,
    *,
    limits: httpx.Limits,
    connect: float = math.inf,
    most_bytes: int = MAX_RESPONSE_BYTES,
    **options: Any,
) -> "BoundedClient":
    """A thread-safe client. Each call ends within `seconds`, or within its own `timeout`.

    `connect`: the most seconds for connecting.
    """
    return BoundedClient(
        transport=_Transport(limits, most_bytes),
        timeout=httpx.Timeout(seconds, connect=min(seconds, connect)),
        # HTTP_PROXY in the environment is for external hosts, not for other services.
        trust_env=False,
        # The size of a compressed response is unknown before it is decompressed.
        headers={"Accept-Encoding": "identity"},
        **options,
    )


class BoundedClient(httpx.Client):
    """httpx's, with a shorter way to a server that is called all the time."""

    def __init__(self, *, transport: "_Transport", **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._bounded = transport

    def exchange(self, method: str, path: str, **options: Any) -> httpx.Response:
        """As `request`, without cookies, hooks, redirects and authentication, which take httpx
        half of its time.
        """
        request = self.build_request(method, path, **options)
        response = self._bounded.handle_request(request)
        response.request = request
        try:
            response.read()
        finally:
            response.close()
        return response


class TooLong(httpx.TransportError):
    """The response is too long; a retry would not help."""


class _Transport(httpx.HTTPTransport):
    def __init__(self, limits: httpx.Limits, most_bytes: int) -> None:
        super().__init__(trust_env=False)
        self._most_bytes = most_bytes
        self._deadline = _Deadline()
        # httpx has no parameter for the network backend; httpcore, which it uses, has one.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Backend(self._deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        seconds = request.extensions["timeout"]["read"]
        self._deadline.begin(seconds)
        response = super().handle_request(request)
        # Do not decompress a response that is compressed nevertheless.
        response.headers.pop("Content-Encoding", None)
        stream = cast(httpx.SyncByteStream, response.stream)
        if request.extensions.get("line_by_line"):
            parts = _lines(stream, self._most_bytes, lambda: self._deadline.begin(seconds))
        else:
            parts = _whole(stream, self._most_bytes)
        response.stream = _Bounded(parts, stream.close)
        return response


class _Bounded(httpx.SyncByteStream):
    def __init__(self, parts: Iterator[bytes], close: Callable[[], None]) -> None:
        self._parts = parts
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self._close()


def _whole(stream: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    received = 0
    for part in stream:
        received += len(part)
        _expect_short(received, most_bytes)
        yield part


def _lines(
    stream: Iterable[bytes], most_bytes: int, on_line: Callable[[], None]
) -> Iterator[bytes]:
    """Calls `on_line` for each part that completes a line that is not empty."""
    unfinished = 0
    for part in stream:
        lines, newline, rest = part.rpartition(b"\n")
        if newline and (unfinished or lines.strip()):
            on_line()
        unfinished = len(rest) + (0 if newline else unfinished)
        _expect_short(unfinished, most_bytes)
        yield part


def _expect_short(received: int, most_bytes: int) -> None:
    if received > most_bytes:
        raise TooLong(f"more than {most_bytes} bytes")


class _Deadline(threading.local):
    """The deadline of the current call; each call runs in one thread."""

    ends = 0.0

    def begin(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds

    def left(self, timeout: float | None, error: type[Exception]) -> float:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise error("the call takes too long as a whole")
        return left if timeout is None else min(left, timeout)


class _Backend(httpcore.SyncBackend):
    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *rest: Any, **options: Any
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, *rest, **options), self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._unsent = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # As httpcore does: a server that closes early may have said why.
        with suppress(httpcore.WriteError):
            self._flush(timeout)
        return self._stream.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send head and body of a short request together: in two, they wake the server twice."""
        self._unsent += buffer
        if len(self._unsent) > PIECE_BYTES:
            self._flush(timeout)

    def _flush(self, timeout: float | None) -> None:
        unsent, self._unsent = self._unsent, b""
        if unsent:
            self._stream.write(unsent, self._deadline.left(timeout, httpcore.WriteTimeout))

    def start_tls(self, *options: Any, **more: Any) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(*options, **more), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
