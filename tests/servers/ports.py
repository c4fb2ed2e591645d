"""Ports for servers that stop and come back on the same one."""

import random
import socket

#: Below the range that the kernel takes outgoing ports from (32768 on Linux, 49152 on macOS).
#: A client that keeps trying a port within that range while its server is down is in the end
#: given that very port as its own, connects to itself, and the server cannot come back.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    # Not the seeded generator of the tests: parallel workers would all draw the same ports.
    candidates = random.SystemRandom().sample(PORTS, k=100)
    return next(port for port in candidates if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do; otherwise the remains of a closed connection make a port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
