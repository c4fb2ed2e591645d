"""Counts how often a client waits for a server: a TCP proxy between the two."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class RoundTrips:
    """`count`: how often the server has answered after the client had sent something."""

    def __init__(self) -> None:
        self.count = 0
        self._is_waiting = False
        self._lock = threading.Lock()

    def client_sent(self) -> None:
        with self._lock:
            self._is_waiting = True

    def server_sent(self) -> None:
        with self._lock:
            self.count += self._is_waiting
            self._is_waiting = False


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    server_port: int
    trips: RoundTrips


class _Connection(socketserver.BaseRequestHandler):
    server: _Proxy

    def handle(self) -> None:
        trips = self.server.trips
        with socket.create_connection(("127.0.0.1", self.server.server_port)) as server:
            back = threading.Thread(
                target=_forward, args=(server, self.request, trips.server_sent), daemon=True
            )
            back.start()
            _forward(self.request, server, trips.client_sent)
            back.join()


def _forward(source: socket.socket, target: socket.socket, note: Callable[[], None]) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            note()
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def counting(port: int) -> Iterator[tuple[int, RoundTrips]]:
    """Yields the port of a proxy to a server on this machine, and the count."""
    with _Proxy(("127.0.0.1", 0), _Connection) as proxy:
        proxy.server_port, proxy.trips = port, RoundTrips()
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        yield proxy.server_address[1], proxy.trips
        proxy.shutdown()
