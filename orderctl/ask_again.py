"""Asks again when a connection broke: perhaps a process died that another one replaces.

gunicorn keeps the socket on which a service listens while it replaces a worker, so that whoever
asks again just waits a little. What never got a connection is not asked again, nor what took too
long: nobody is there, or whoever is there does not get on.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import httpx

ATTEMPTS = 4
PAUSE_SECONDS = 0.2
#: The connection was there, and broke before an answer or in the middle of one.
BROKEN = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)

T = TypeVar("T")


def ask_again(ask: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """What `ask` returns, which may be done twice without harm. Raises the last httpx.HTTPError."""
    for _ in range(ATTEMPTS - 1):
        with suppress(*BROKEN):
            return ask()
        sleep(PAUSE_SECONDS)
    return ask()
