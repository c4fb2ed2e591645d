"""HTTP clients whose calls end. httpx bounds each read: a byte now and then goes on for ever.

A call has a number of seconds for everything: a free connection, connecting, sending, and the
whole response, which has a largest size. Of a list that is read line by line, each line has them.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import httpcore
import httpx

#: Bytes of a response. What services ask each other for has a few hundred KB at most.
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
#: Among the extensions of a request: it is for a list without an end that is known, and each line
#: of that has the seconds and the bytes that a whole response has otherwise.
LINE_BY_LINE = {"line_by_line": True}


def open_client(
    seconds: float,
    *,
    limits: httpx.Limits,
    connect: float = math.inf,
    most_bytes: int = MAX_RESPONSE_BYTES,
    **options: Any,
) -> httpx.Client:
    """A client for many threads, of which each call ends within so many seconds, or within the
    `timeout` of that call. `connect`: how many of them connecting may take.
    """
    return httpx.Client(
        transport=_Transport(limits, most_bytes),
        timeout=httpx.Timeout(seconds, connect=min(seconds, connect)),
        # The environment's HTTP_PROXY is for the way out, not for a neighbour.
        trust_env=False,
        # What is compressed has no size before it is unpacked.
        headers={"Accept-Encoding": "identity"},
        **options,
    )


class TooLong(httpx.TransportError):
    """Not a broken connection: asked again, the answer would be as long."""


class _Transport(httpx.HTTPTransport):
    def __init__(self, limits: httpx.Limits, most_bytes: int) -> None:
        super().__init__(trust_env=False)
        self._most_bytes = most_bytes
        self._deadline = _Deadline()
        # httpx has no parameter for how a connection reads; httpcore, below it, has one.
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
        # Compressed all the same, it is left as it is.
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
    """`on_line` is called for each part that completes a line, unless that is empty."""
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
    """A call is made by one thread, from its beginning to its end."""

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

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout, httpcore.WriteTimeout))

    def start_tls(self, *options: Any, **more: Any) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(*options, **more), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
