"""Which port each part of a stack listens on."""

import socket
from collections.abc import Iterable, Mapping, Sequence

HOST = "127.0.0.1"

#: The documented ports. `smtp` is the mail sink's other one.
DEFAULT_PORTS: Mapping[str, int] = {
    "order": 8000,
    "order-relay": 8010,
    "email": 8001,
    "sms": 8002,
    "inventory": 8003,
    "analytics": 8004,
    "shipping": 8005,
    "mail_sink": 8025,
    "smtp": 1025,
    "sms_gateway": 8026,
    "dashboard": 8080,
}

#: Where free ports are looked for: below the range from which systems take the near ends of
#: outgoing connections (from 32768 on Linux, 49152 on macOS), so that none of those can take a
#: port between the look and its use, nor while a server that comes back on it is down.
FIRST_PORT, LAST_PORT = 11_000, 31_000
#: A process takes so many at a time.
BLOCK = 20

#: What is left of the block claimed last.
_left: list[int] = []


def default_or_free_ports() -> Mapping[str, int]:
    """The documented ports when all of them are free, else others: all or none."""
    return DEFAULT_PORTS if all(map(is_free, DEFAULT_PORTS.values())) else free_ports()


def free_ports(names: Sequence[str] = tuple(DEFAULT_PORTS)) -> Mapping[str, int]:
    return {name: free_port() for name in names}


def free_port() -> int:
    """A port that no other process is given by this function while this one lives.

    Nobody has to listen on it for that: the part that will may start late, or stop for a while.
    """
    while True:
        if not _left:
            _left.extend(_claimed_block())
        if is_free(port := _left.pop(0)):
            return port


def _claimed_block() -> Iterable[int]:
    """Claim a block by listening on its first port, which is used for nothing else.

    It says "taken" to other processes for as long as this one lives.
    """
    for first in range(FIRST_PORT, LAST_PORT, BLOCK):
        claim = socket.socket()
        try:
            claim.bind((HOST, first))
            claim.listen()
        except OSError:
            claim.close()
        else:
            claim.detach()  # left open, for the system to close when this process ends
            return range(first + 1, first + BLOCK)
    raise OSError(f"every port from {FIRST_PORT} to {LAST_PORT} is taken")


def is_free(port: int) -> bool:
    return _can_listen(port) and not _answers(port)


def _can_listen(port: int) -> bool:
    with socket.socket() as listener:
        # As gunicorn does: a port whose last connections are still winding up is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    """macOS lets one listen on 127.0.0.1 beside somebody who listens on all addresses."""
    with socket.socket() as caller:
        caller.settimeout(0.5)
        return caller.connect_ex((HOST, port)) == 0
