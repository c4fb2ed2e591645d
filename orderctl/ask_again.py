"""Retries a request whose connection broke, perhaps because a worker died and is being replaced.

gunicorn keeps the listening socket open while it replaces a worker, so a retry only has to wait
a little. A refused connection or a timeout is not retried: the service is down or stuck.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import httpx

ATTEMPTS = 4
PAUSE_SECONDS = 0.2
#: The connection was established and broke before or during the response.
BROKEN = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)

T = TypeVar("T")


def ask_again(ask: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Return the result of `ask`, which must be idempotent. Raises the last httpx.HTTPError."""
    for _ in range(ATTEMPTS - 1):
        with suppress(*BROKEN):
            return ask()
        sleep(PAUSE_SECONDS)
    return ask()
