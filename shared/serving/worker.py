"""gunicorn's threaded worker, changed so that no thread waits for a client to send.

gunicorn gives a connection a thread when its first byte arrives, and the thread reads the rest:
as many slow clients as threads would block all others. Here the event loop reads, and a thread
gets only complete requests.
"""

import errno
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from selectors import EVENT_READ
from typing import Any

import structlog
from gunicorn.workers.gthread import ThreadWorker

from shared.serving.connection import Connection
from shared.serving.slow_readers import to_cut

log = structlog.get_logger()

#: Seconds in which a client has to send a request, from connecting or from its first byte.
READ_SECONDS = 10.0
#: How long to wait for the client to close first: a response may be lost when the connection is
#: closed while the client is still sending.
LINGER_SECONDS = 2.0
LINGER_BYTES = 1024 * 1024
#: How long a stop waits for requests in hand; the arbiter's timeout exceeds it.
DRAIN_SECONDS = 20

_NO_MORE_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_NOBODY_THERE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)


class Worker(ThreadWorker):  # type: ignore[misc]
    """`on_stop` is called as soon as the worker begins to shut down, before any waiting."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on_stop: Callable[[], None] = lambda: None
        self._handed_over: set[Connection] = set()
        self._lingering: deque[Connection] = deque()

    def init_process(self) -> None:
        self.cfg.set("graceful_timeout", DRAIN_SECONDS)
        super().init_process()

    # --- signals -------------------------------------------------------------------------------

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGINT and SIGQUIT: like SIGTERM. The arbiter kills workers that are too slow."""
        self.handle_exit(sig, frame)

    def _cap_keepalive(self, deadline: float) -> None:
        """gunicorn calls this once, after it has stopped accepting connections."""
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
        self.enqueue_req(Connection(self.cfg, sock, address, listener.getsockname()))

    def _cannot_accept(self, error: OSError) -> None:
        if error.errno in _NO_MORE_DESCRIPTORS:
            # If no connection can be closed, gunicorn's loop accepts again after its next turn.
            if not self._drop_oldest():
                self.set_accept_enabled(False)
        elif error.errno not in _NOBODY_THERE:
            raise error

    def _drop_oldest(self) -> bool:
        """Close the oldest connection without a running request: its client loses least."""
        for waiting in (self.pending_conns, self.keepalived_conns, self._lingering):
            if waiting:
                oldest = waiting[0]
                self._leave(waiting, oldest)
                self._drop(oldest)
                return True
        return False

    def enqueue_req(self, conn: Connection) -> None:
        """Read the request before the connection gets a thread; every connection passes here."""
        conn.sock.settimeout(0.0)
        # A request that has arrived in full, as most have, need not wait in the poller for itself.
        if self._read(conn):
            self._wait(self.pending_conns, conn, READ_SECONDS, self._read)

    def _read(self, conn: Connection) -> bool:
        """Read what is there. True if more is to come, False once it does not wait any more."""
        received = conn.receive()
        conn.incoming.add(received or b"")
        is_complete = conn.incoming.is_complete()
        if not (is_complete or received == b"" or conn.incoming.head_is_too_long):
            if conn.incoming.wants_continue():
                with suppress(OSError):
                    conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            return True
        if conn.waits_in is not None:
            self._leave(conn.waits_in, conn)
        if is_complete:
            self._hand_over(conn)
        elif received == b"":
            self._drop(conn)
        else:
            conn.refuse(431, "Request Header Fields Too Large")
            self._linger(conn)
        return False

    def _hand_over(self, conn: Connection) -> None:
        conn.hand_over()
        self._handed_over.add(conn)
        super().enqueue_req(conn)

    def handle(self, conn: Connection) -> Any:
        """Runs in a thread."""
        conn.has_thread = True
        return super().handle(conn)

    def finish_request(self, conn: Connection, answered: "Future[Any]") -> None:
        """Runs in the loop. gunicorn's own method would block it until the client closes."""
        self._handed_over.discard(conn)
        is_kept = not answered.cancelled() and not answered.exception() and answered.result()
        if not is_kept or conn.parser.unreader.buf.getvalue():
            self._linger(conn)
        elif conn.incoming.is_empty:
            super().finish_request(conn, answered)
        else:
            self.enqueue_req(conn)

    def _linger(self, conn: Connection) -> None:
        """Close after the client has closed, which might otherwise lose the end of its response."""
        conn.sock.settimeout(0.0)
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        self._wait(self._lingering, conn, LINGER_SECONDS, self._go_on_lingering)
        self._go_on_lingering(conn)

    def _go_on_lingering(self, conn: Connection) -> None:
        received = conn.receive()
        conn.drained += len(received or b"")
        if received == b"" or conn.drained > LINGER_BYTES:
            self._leave(self._lingering, conn)
            self._drop(conn)

    # --- waiting -------------------------------------------------------------------------------

    def _wait(
        self,
        waiting: deque[Connection],
        conn: Connection,
        seconds: float,
        go_on: Callable[[Connection], object],
    ) -> None:
        conn.timeout = time.monotonic() + seconds
        waiting.append(conn)
        conn.waits_in = waiting
        self.poller.register(
            conn.sock, EVENT_READ, lambda _sock: go_on(conn) if conn.waits_in is waiting else None
        )

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        if conn in self.keepalived_conns:
            super().on_client_socket_readable(conn, client)

    def _leave(self, waiting: deque[Connection], conn: Connection) -> None:
        conn.waits_in = None
        waiting.remove(conn)
        self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Enforce timeouts. gunicorn's loop calls this at least once per second."""
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
        for conn in to_cut(self._handed_over, now, is_stopping=not self.alive):
            log.warning("http.slow_reader_cut", client=str(conn.client))
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)
