"""Which port each part of a stack listens on."""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence

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
#: outgoing connections, so that none of those can take a port between the look and its use.
FIRST_PORT, LAST_PORT = 11_000, 31_000
#: Stacks of several test processes start their search this far apart.
PORTS_APART = 20


def default_or_free_ports() -> Mapping[str, int]:
    """The documented ports when all of them are free, else others: all or none."""
    return DEFAULT_PORTS if all(map(is_free, DEFAULT_PORTS.values())) else free_ports()


def free_ports(names: Sequence[str] = tuple(DEFAULT_PORTS)) -> Mapping[str, int]:
    free = filter(is_free, _candidates())
    return {name: next(free) for name in names}


def _candidates() -> Iterator[int]:
    size = LAST_PORT - FIRST_PORT
    start = os.getpid() * PORTS_APART % size
    return (FIRST_PORT + (start + step) % size for step in range(size))


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
