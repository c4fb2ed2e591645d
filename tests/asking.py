"""The HTTP client that tests ask services with, again and again."""

from functools import cache

import httpx


@cache
def client() -> httpx.Client:
    """Kept for all tests: to make one costs a hundred times what a request does.

    Each request has a connection of its own: the process behind an address may be another one.
    """
    return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=10)
