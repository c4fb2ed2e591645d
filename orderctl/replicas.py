"""The processes behind one address: with `--scale email=3`, a name stands for three of them.

What a service has done stands in its database, and any of them tells it. What one process holds,
and whether it is ready, only that process knows, so that each has to be asked.
"""

import socket
from collections.abc import Callable, Sequence

import httpx

#: The URL of each process behind a URL.
Replicas = Callable[[str], Sequence[str]]
#: All IP addresses of a host. Raises OSError.
Resolve = Callable[[str], Sequence[str]]


def ip_addresses(host: str) -> Sequence[str]:
    """Version 4, by which containers of Compose know each other; one for localhost."""
    found = socket.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    return sorted({str(address[0]) for *_, address in found})


def replicas(url: str, resolve: Resolve = ip_addresses) -> Sequence[str]:
    """The URL as it is, unless its host has several addresses: then one URL for each of them."""
    try:
        parsed = httpx.URL(url)
        hosts = resolve(parsed.host)
    except (OSError, UnicodeError, httpx.InvalidURL):
        # Whoever asks at this URL is told why that fails.
        return [url]
    if len(hosts) <= 1:
        return [url]
    return [str(parsed.copy_with(host=host)) for host in hosts]
