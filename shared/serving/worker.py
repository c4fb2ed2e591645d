"""gunicorn's worker with threads, in which no thread ever waits for a client to send.

gunicorn gives a connection a thread as soon as its first byte is there, and the thread reads the
rest: as many slow clients as there are threads, and nobody else is served. Here the loop reads,
and a thread gets a request that is complete.
"""

import errno
import io
import socket
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from contextlib import suppress
from selectors import EVENT_READ
from typing import Any

import structlog
from gunicorn.http.errors import InvalidHeader
from gunicorn.http.parser import RequestParser
from gunicorn.util import write_error
from gunicorn.workers.gthread import TConn, ThreadWorker

from shared.http.incoming import MAX_BODY_BYTES, Incoming

log = structlog.get_logger()

#: In which a client has to send a request, from its connection or its first byte on.
READ_SECONDS = 10.0
#: In which a client has to take a piece of an answer.
SEND_SECONDS = 60.0
#: A client that has not taken a piece in this time is slow, and its thread may be needed.
SLOW_SECONDS = 1.0
#: So many slow clients may hold a thread, and a connection to the database, while nobody waits.
MOST_SLOW = 2
#: An answer is lost when the connection is closed while the client is still sending.
LINGER_SECONDS = 2.0
LINGER_BYTES = 1024 * 1024
READ_BYTES = 64 * 1024
#: How long a stop waits for requests in hand; the arbiter's timeout exceeds it.
DRAIN_SECONDS = 20

_NO_MORE_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
#: gunicorn itself looks after Host, Content-Type and Content-Length.
_ONCE = ("IDEMPOTENCY-KEY", "AUTHORIZATION")
_NOBODY_THERE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)


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


class _Connection(TConn):  # type: ignore[misc]
    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, _Client(fileno=sock.detach()), client, server)
        # What gunicorn would do first: TLS and HTTP/2, and neither is used.
        self.initialized = True
        self.incoming = Incoming()
        self.handed_over_at = 0.0
        self.has_thread = False
        self.drained = 0
        #: What it is waiting in; gunicorn may have an event for it that is older than that.
        self.waits_in: deque[_Connection] | None = None

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


class Worker(ThreadWorker):  # type: ignore[misc]
    """`on_stop` is called as soon as the worker is told to end, before it waits for anything."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on_stop: Callable[[], None] = lambda: None
        self._handed_over: set[_Connection] = set()
        self._lingering: deque[_Connection] = deque()

    def init_process(self) -> None:
        self.cfg.set("graceful_timeout", DRAIN_SECONDS)
        super().init_process()

    # --- signals -------------------------------------------------------------------------------

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGINT and SIGQUIT: as SIGTERM. The arbiter insists when it is in a hurry."""
        self.handle_exit(sig, frame)

    def _cap_keepalive(self, deadline: float) -> None:
        """gunicorn calls this once, when it has stopped to accept connections."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)
        self.on_stop()

    # --- connections -----------------------------------------------------------------------------

    def accept(self, listener: socket.socket) -> None:
        if self.nr_conns >= self.worker_connections - 1:
            self._drop_oldest()
        try:
            sock, address = listener.accept()
        except OSError as error:
            self._cannot_accept(error)
            return
        self.nr_conns += 1
        self.enqueue_req(_Connection(self.cfg, sock, address, listener.getsockname()))

    def _cannot_accept(self, error: OSError) -> None:
        if error.errno in _NO_MORE_DESCRIPTORS:
            # Without anything to close, gunicorn's loop accepts again after its next turn.
            if not self._drop_oldest():
                self.set_accept_enabled(False)
        elif error.errno not in _NOBODY_THERE:
            raise error

    def _drop_oldest(self) -> bool:
        """Make room: one that is sending, or idle, has cost its client least."""
        for waiting in (self.pending_conns, self.keepalived_conns, self._lingering):
            if waiting:
                oldest = waiting[0]
                self._leave(waiting, oldest)
                self._drop(oldest)
                return True
        return False

    def enqueue_req(self, conn: _Connection) -> None:
        """All ways of a connection to a thread lead through here; its request is read first."""
        conn.sock.settimeout(0.0)
        self._wait(self.pending_conns, conn, READ_SECONDS, self._go_on_reading)
        self._go_on_reading(conn)

    def _go_on_reading(self, conn: _Connection) -> None:
        received = conn.receive()
        conn.incoming.add(received or b"")
        if conn.incoming.is_complete():
            self._leave(self.pending_conns, conn)
            self._hand_over(conn)
        elif received == b"":
            self._leave(self.pending_conns, conn)
            self._drop(conn)
        elif conn.incoming.head_is_too_long:
            self._leave(self.pending_conns, conn)
            conn.refuse(431, "Request Header Fields Too Large")
            self._linger(conn)
        elif conn.incoming.wants_continue():
            with suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hand_over(self, conn: _Connection) -> None:
        conn.hand_over()
        self._handed_over.add(conn)
        super().enqueue_req(conn)

    def handle(self, conn: _Connection) -> Any:
        """In a thread."""
        conn.has_thread = True
        return super().handle(conn)

    def finish_request(self, conn: _Connection, answered: "Future[Any]") -> None:
        """In the loop again. gunicorn would wait here, in the loop, for the client to close."""
        self._handed_over.discard(conn)
        is_kept = not answered.cancelled() and not answered.exception() and answered.result()
        if not is_kept or conn.parser.unreader.buf.getvalue():
            self._linger(conn)
        elif conn.incoming.is_empty:
            super().finish_request(conn, answered)
        else:
            self.enqueue_req(conn)

    def _linger(self, conn: _Connection) -> None:
        """Close, but not before the client has, or it might lose the end of its answer."""
        conn.sock.settimeout(0.0)
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        self._wait(self._lingering, conn, LINGER_SECONDS, self._go_on_lingering)
        self._go_on_lingering(conn)

    def _go_on_lingering(self, conn: _Connection) -> None:
        received = conn.receive()
        conn.drained += len(received or b"")
        if received == b"" or conn.drained > LINGER_BYTES:
            self._leave(self._lingering, conn)
            self._drop(conn)

    # --- waiting -------------------------------------------------------------------------------

    def _wait(
        self,
        waiting: "deque[_Connection]",
        conn: _Connection,
        seconds: float,
        go_on: Callable[[_Connection], None],
    ) -> None:
        conn.timeout = time.monotonic() + seconds
        waiting.append(conn)
        conn.waits_in = waiting
        self.poller.register(
            conn.sock, EVENT_READ, lambda _sock: go_on(conn) if conn.waits_in is waiting else None
        )

    def on_client_socket_readable(self, conn: _Connection, client: socket.socket) -> None:
        if conn in self.keepalived_conns:
            super().on_client_socket_readable(conn, client)

    def _leave(self, waiting: "deque[_Connection]", conn: _Connection) -> None:
        conn.waits_in = None
        waiting.remove(conn)
        self.poller.unregister(conn.sock)

    def _drop(self, conn: _Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """gunicorn's loop calls this once a second, or more often."""
        now = time.monotonic()
        while self.pending_conns and self.pending_conns[0].timeout <= now:
            conn = self.pending_conns[0]
            self._leave(self.pending_conns, conn)
            conn.refuse(408, "Request Timeout")
            self._linger(conn)
        while self._lingering and self._lingering[0].timeout <= now:
            conn = self._lingering[0]
            self._leave(self._lingering, conn)
            self._drop(conn)
        self._cut_slow_readers(now)

    def _cut_slow_readers(self, now: float) -> None:
        """Those that have kept a thread waiting for longest, once their threads are needed."""
        slow = _slow(self._handed_over, now)
        allowed = 0 if not self.alive or _some_wait(self._handed_over, now) else MOST_SLOW
        for conn in slow[: max(0, len(slow) - allowed)]:
            log.warning("http.slow_reader_cut", client=str(conn.client))
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)


def _slow(connections: Collection[_Connection], now: float) -> list[_Connection]:
    """Those whose client does not read, the slowest first."""
    since = [(conn.sock.waiting_since, conn) for conn in connections]
    slow = [(began, conn) for began, conn in since if began and now - began > SLOW_SECONDS]
    return [conn for _, conn in sorted(slow, key=lambda pair: pair[0])]


def _some_wait(connections: Collection[_Connection], now: float) -> bool:
    """Requests that wait for a thread."""
    return any(
        not conn.has_thread and now - conn.handed_over_at > SLOW_SECONDS for conn in connections
    )
