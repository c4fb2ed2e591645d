"""The zygote's loop: forks on request, and reports the exit statuses of its children."""

import json
import os
import selectors
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.zygote.asking import MAX_BYTES

#: Standard input, output and error.
STREAMS = 3


@dataclass(frozen=True)
class Request:
    """A requested process: `python -m module arguments` in `folder`, or its script."""

    module: str
    arguments: list[str]
    script: str
    environment: dict[str, str]
    folder: str
    ignored: list[int]
    streams: list[int]


class Server:
    """Ends at end of file on `lifeline`, together with all its children."""

    def __init__(self, listener: socket.socket, lifeline: int) -> None:
        self._listener = listener
        self._lifeline = lifeline
        self._connections: set[socket.socket] = set()
        self._children: dict[socket.socket, int] = {}
        self._told: set[socket.socket] = set()
        self._wakeup, wake = socket.socketpair()
        for end in (self._wakeup, wake):
            end.setblocking(False)
        self._wake = wake
        self._selector = selectors.DefaultSelector()
        for watched in (listener, lifeline, self._wakeup):
            self._selector.register(watched, selectors.EVENT_READ)

    def serve(self) -> Request | None:
        """Returns the request in each new process, and None in the zygote at its end."""
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        while True:
            for key, _events in self._selector.select():
                if key.fileobj == self._lifeline:
                    self._end()
                    return None
                if request := self._turn(key.fileobj):
                    return request

    def _turn(self, ready: Any) -> Request | None:
        if ready is self._wakeup:
            with suppress(BlockingIOError):
                self._wakeup.recv(4096)
            self._tell_ends()
        elif ready is self._listener:
            connection, _address = self._listener.accept()
            self._connections.add(connection)
            self._selector.register(connection, selectors.EVENT_READ)
        elif ready in self._children:
            self._dismiss(ready)
        else:
            return self._fork(ready)
        return None

    def _fork(self, connection: socket.socket) -> Request | None:
        message, streams, _flags, _address = socket.recv_fds(connection, MAX_BYTES, STREAMS)
        if not message:
            self._close(connection)
            return None
        request = Request(**json.loads(message), streams=streams)
        pid = os.fork()
        if pid == 0:
            self._leave()
            return request
        for stream in streams:
            os.close(stream)
        self._children[connection] = pid
        with suppress(OSError):
            connection.send(str(pid).encode())
        return None

    def _leave(self) -> None:
        """In a child: close the zygote's descriptors and reset signals."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for each in (self._listener, self._wakeup, self._wake, *self._connections):
            each.close()

    def _tell_ends(self) -> None:
        """Report exit statuses; a child is reaped after its requester has the status."""
        for connection, pid in self._children.items():
            if connection in self._told:
                continue
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is not None:
                by_itself = ended.si_code == os.CLD_EXITED
                status = ended.si_status if by_itself else -ended.si_status
                self._told.add(connection)
                with suppress(OSError):
                    connection.send(str(status).encode())

    def _dismiss(self, connection: socket.socket) -> None:
        """The requester has received the status, or has itself ended: end and reap the child."""
        pid = self._children.pop(connection)
        if connection not in self._told:
            _kill(pid)
        self._told.discard(connection)
        os.waitpid(pid, 0)
        self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        self._connections.discard(connection)
        connection.close()

    def _end(self) -> None:
        for connection in list(self._children):
            self._dismiss(connection)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
