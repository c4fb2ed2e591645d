"""Chooses the port of each part of a stack."""

import socket
from collections.abc import Iterable, Mapping, Sequence

HOST = "127.0.0.1"

#: The documented ports. `smtp` is the mail sink's second port.
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

#: The range of free ports. It lies below the ephemeral ports (from 32768 on Linux, 49152 on
#: macOS), so that no outgoing connection takes a port before its server starts or restarts.
FIRST_PORT, LAST_PORT = 11_000, 31_000
#: The number of ports that a process claims at once.
BLOCK = 20

#: The unused ports of the last claimed block.
_left: list[int] = []


def default_or_free_ports() -> Mapping[str, int]:
    """The documented ports if all of them are free, otherwise none of them."""
    return DEFAULT_PORTS if all(map(is_free, DEFAULT_PORTS.values())) else free_ports()


def free_ports(names: Sequence[str] = tuple(DEFAULT_PORTS)) -> Mapping[str, int]:
    return {name: free_port() for name in names}


def free_port() -> int:
    """A port that this function gives to no other process while this one is alive.

    It stays reserved without a listener, so its part may start late or stop for a while.
    """
    while True:
        if not _left:
            _left.extend(_claimed_block())
        if is_free(port := _left.pop(0)):
            return port


def _claimed_block() -> Iterable[int]:
    """Claim a block by listening on its first port, which is used for nothing else.

    The block is taken for other processes as long as this one is alive.
    """
    for first in range(FIRST_PORT, LAST_PORT, BLOCK):
        claim = socket.socket()
        try:
            claim.bind((HOST, first))
            claim.listen()
        except OSError:
            claim.close()
        else:
            claim.detach()  # stays open until this process ends
            return range(first + 1, first + BLOCK)
    raise OSError(f"every port from {FIRST_PORT} to {LAST_PORT} is taken")


def is_free(port: int) -> bool:
    return _can_listen(port) and not _answers(port)


def _can_listen(port: int) -> bool:
    with socket.socket() as listener:
        # As gunicorn does: a port with connections in TIME_WAIT counts as free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    """Whether a server is listening: macOS allows a second one beside one on all addresses."""
    with socket.socket() as caller:
        caller.settimeout(0.5)
        return caller.connect_ex((HOST, port)) == 0
