"""What happens after every request: promises go to the ledger, some times are counted twice."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from loadtest.ledger import Ledger


class Response(Protocol):
    """What locust hands over. `status_code` is 0 and `content` None when nobody answered."""

    @property
    def status_code(self) -> int: ...
    @property
    def content(self) -> bytes | None: ...


#: What locust calls with the facts of a request, by name.
Listener = Callable[..., None]


def noting(ledger: Ledger) -> Listener:
    """Writes every promise down, whether or not the checks liked the answer."""

    def note(*, response: Response | None = None, request_type: str = "", **_more: Any) -> None:
        if response is not None and request_type == "POST":
            ledger.note(response.status_code, response.content or b"")

    return note


def counting_from_when_due(
    fire: Listener, *, clock: Callable[[], float] = time.monotonic
) -> Listener:
    """Reports a request once more, with the time since it was due, where its context says when.

    A user that waits for a slow answer sends its next request late. The time from when it was
    sent hides that; whoever wanted to order at that moment has waited all the same.
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
