"""One client connection of the worker: buffers what was received, and parses complete requests."""

import errno
import io
import socket
import time
from collections import deque
from contextlib import suppress
from typing import Any

from gunicorn.http.errors import InvalidHeader
from gunicorn.http.parser import RequestParser
from gunicorn.util import write_error
from gunicorn.workers.gthread import TConn

from shared.http.incoming import MAX_BODY_BYTES, Incoming

#: Seconds in which a client has to receive a part of a response.
SEND_SECONDS = 60.0
READ_BYTES = 64 * 1024

#: Headers that must not be repeated; gunicorn checks Host, Content-Type and Content-Length.
_ONCE = ("IDEMPOTENCY-KEY", "AUTHORIZATION")


class _Client(socket.socket):
    """A client's socket; `waiting_since` is when a thread began to wait for the client to read."""

    waiting_since: float | None = None

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001 (as it is in Python)
        self.settimeout(SEND_SECONDS if flag else 0.0)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self.waiting_since = time.monotonic()
        try:
            super().sendall(data, flags)
        except TimeoutError:
            # gunicorn treats this as a client that has disconnected, and logs no stack trace.
            raise ConnectionResetError(errno.ECONNRESET, "the client does not read") from None
        finally:
            self.waiting_since = None


class _Parser(RequestParser):  # type: ignore[misc]  # gunicorn carries no types
    """Parses a complete request; `is_last`: its connection is closed after the response."""

    def __init__(self, cfg: Any, request: bytes, client: Any, *, is_last: bool) -> None:
        super().__init__(cfg, iter([request]), client)
        self._is_last = is_last

    def __next__(self) -> Any:
        request = super().__next__()
        _refuse_repeated(request)
        # The loop has already sent 100 Continue.
        request._expected_100_continue = False
        # Read here, since here gunicorn responds with 400 to a malformed chunk. One byte over the
        # limit shows the application that the body is too long.
        request.body = io.BytesIO(request.body.read(MAX_BODY_BYTES + 1))
        if self._is_last:
            request.force_close()
        return request


def _refuse_repeated(request: Any) -> None:
    """Two values of one of these headers would be joined into one that no client has sent."""
    names = [name for name, _ in request.headers if name in _ONCE or name.startswith("CE-")]
    if len(names) > len(set(names)):
        raise InvalidHeader(f"{max(names, key=names.count)} is repeated", req=request)


class Connection(TConn):  # type: ignore[misc]
    """gunicorn's connection, with the received part of the next request and its waiting list."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, _Client(fileno=sock.detach()), client, server)
        # Skip gunicorn's initialization of TLS and HTTP/2, which are not used.
        self.initialized = True
        self.incoming = Incoming()
        self.handed_over_at = 0.0
        self.has_thread = False
        self.drained = 0
        #: The list in which it is waiting; gunicorn may still have an older event for it.
        self.waits_in: deque[Connection] | None = None

    def receive(self) -> bytes | None:
        """The bytes available now; None if there are none yet, empty at the end."""
        try:
            received: bytes = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        return received

    def hand_over(self) -> None:
        request, is_last = self.incoming.take()
        self.parser = _Parser(self.cfg, request, self.client, is_last=is_last)
        self.handed_over_at = time.monotonic()
        self.has_thread = False

    def refuse(self, status: int, reason: str) -> None:
        with suppress(OSError):
            write_error(self.sock, status, reason, "")
