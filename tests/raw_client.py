"""Badly behaved HTTP clients on bare sockets."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

HALF_A_HEAD = b"POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: appl"
HALF_A_BODY = (
    b"POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 100\r\n\r\n{"userId": "usr-1", '
)


def connect(url: str, sent: bytes = b"", *, small_window: bool = False) -> socket.socket:
    """With `small_window`, unread data stays in the server's buffers."""
    client = socket.socket()
    if small_window:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    client.settimeout(20)
    address = urlsplit(url)
    try:
        client.connect((address.hostname or "", address.port or 0))
        client.sendall(sent)
    except OSError:
        client.close()
        raise
    return client


@contextmanager
def held(
    url: str, sent: bytes, count: int, *, small_window: bool = False
) -> Iterator[list[socket.socket]]:
    """Open `count` connections, send this on each, and then do nothing."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(connect(url, sent, small_window=small_window)) for _ in range(count)
        ]


def is_open(client: socket.socket) -> bool:
    """False once the server has closed the connection; received data is ignored."""
    client.settimeout(0)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def read_to_end(client: socket.socket) -> bytes:
    received = b""
    while piece := client.recv(65536):
        received += piece
    return received


def read_until(client: socket.socket, end: bytes) -> bytes:
    received = b""
    while end not in received:
        piece = client.recv(65536)
        assert piece, f"closed after {received!r}"
        received += piece
    return received
