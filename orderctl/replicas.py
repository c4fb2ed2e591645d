"""Finds the processes behind one address: with `--scale email=3`, one name resolves to three.

Each process can report a service's effects, which are in the shared database. Readiness and the
deliveries in flight are known only to each process, so each has to be asked.
"""

import socket
from collections.abc import Callable, Sequence

import httpx

#: The URL of each process behind a URL.
Replicas = Callable[[str], Sequence[str]]
#: All IP addresses of a host. Raises OSError.
Resolve = Callable[[str], Sequence[str]]


def ip_addresses(host: str) -> Sequence[str]:
    """IPv4 addresses, which Compose containers use for each other; one for localhost."""
    found = socket.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    return sorted({str(address[0]) for *_, address in found})


def replicas(url: str, resolve: Resolve = ip_addresses) -> Sequence[str]:
    """One URL for each address of the host, or the unchanged URL if there is only one."""
    try:
        parsed = httpx.URL(url)
        hosts = resolve(parsed.host)
    except (OSError, UnicodeError, httpx.InvalidURL):
        # A request to this URL will report the failure.
        return [url]
    if len(hosts) <= 1:
        return [url]
    return [str(parsed.copy_with(host=host)) for host in hosts]
