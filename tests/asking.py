"""The HTTP client that tests share."""

from functools import cache

import httpx


@cache
def client() -> httpx.Client:
    """One client for all tests: creating one costs a hundred times as much as a request.

    Each request has a connection of its own, since another process may have taken over the address.
    """
    return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=10)
