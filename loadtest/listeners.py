"""Listeners for every request: they store promises and report times from the due time."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from loadtest.ledger import Ledger


class Response(Protocol):
    """A response as locust passes it. Without one, `status_code` is 0 and `content` None."""

    @property
    def status_code(self) -> int: ...
    @property
    def content(self) -> bytes | None: ...


#: Called by locust with the facts of a request as keyword arguments.
Listener = Callable[..., None]


def noting(ledger: Ledger) -> Listener:
    """Stores every promise in the ledger, whether or not the response passes the checks."""

    def note(*, response: Response | None = None, request_type: str = "", **_more: Any) -> None:
        if response is not None and request_type == "POST":
            ledger.note(response.status_code, response.content or b"")

    return note


def counting_from_when_due(
    fire: Listener, *, clock: Callable[[], float] = time.monotonic
) -> Listener:
    """Reports a request a second time, with the time since it was due, if that is in its context.

    A user that waits for a slow response sends its next request late. The time since sending
    hides that delay, which a real customer would have noticed.
    """

    def count(*, request_type: str, name: str, context: Mapping[str, float], **_more: Any) -> None:
        if "due" in context:
            fire(
                request_type=request_type,
                name=f"{name} (from when it was due)",
                response_time=(clock() - context["due"]) * 1000,
                response_length=0,
                response=None,
                context={},
                exception=None,
            )

    return count
