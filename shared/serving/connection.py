"""One connection of the worker: what its client has sent so far, and the request made of it."""

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

#: In which a client has to take a piece of an answer.
SEND_SECONDS = 60.0
READ_BYTES = 64 * 1024

#: gunicorn itself looks after Host, Content-Type and Content-Length.
_ONCE = ("IDEMPOTENCY-KEY", "AUTHORIZATION")


class _Client(socket.socket):
    """The client's end; it knows since when it has kept a thread waiting."""

    waiting_since: float | None = None

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001 (as it is in Python)
        self.settimeout(SEND_SECONDS if flag else 0.0)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self.waiting_since = time.monotonic()
        try:
            super().sendall(data, flags)
        except TimeoutError:
            # To gunicorn this is a client that has gone, and worth no stack trace.
            raise ConnectionResetError(errno.ECONNRESET, "the client does not read") from None
        finally:
            self.waiting_since = None


class _Parser(RequestParser):  # type: ignore[misc]  # gunicorn carries no types
    """Parses a request that is complete; `is_last`: its connection is closed after the answer."""

    def __init__(self, cfg: Any, request: bytes, client: Any, *, is_last: bool) -> None:
        super().__init__(cfg, iter([request]), client)
        self._is_last = is_last

    def __next__(self) -> Any:
        request = super().__next__()
        _refuse_repeated(request)
        # The loop has asked for the body already.
        request._expected_100_continue = False
        # Read here, since here gunicorn answers 400 for a malformed chunk. The byte more than is
        # allowed tells the application that there was more.
        request.body = io.BytesIO(request.body.read(MAX_BODY_BYTES + 1))
        if self._is_last:
            request.force_close()
        return request


def _refuse_repeated(request: Any) -> None:
    """Two values of one of these would be joined to a third that nobody has sent."""
    names = [name for name, _ in request.headers if name in _ONCE or name.startswith("CE-")]
    if len(names) > len(set(names)):
        raise InvalidHeader(f"{max(names, key=names.count)} comes twice", req=request)


class Connection(TConn):  # type: ignore[misc]
    """gunicorn's, with what has been read of the next request and what it is waiting in."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, _Client(fileno=sock.detach()), client, server)
        # What gunicorn would do first: TLS and HTTP/2, and neither is used.
        self.initialized = True
        self.incoming = Incoming()
        self.handed_over_at = 0.0
        self.has_thread = False
        self.drained = 0
        #: What it is waiting in; gunicorn may have an event for it that is older than that.
        self.waits_in: deque[Connection] | None = None

    def receive(self) -> bytes | None:
        """What is there now; None when that is nothing yet, and no bytes at the end."""
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
