"""A message as an HTTP request: CloudEvents HTTP protocol binding, binary mode.

The attributes travel as headers, the body unchanged. This module uses no HTTP library: a sender
passes the headers to its own, a receiver passes in a function that looks one up.
"""

from collections.abc import Callable

from shared.transport.message import Message


def to_http_headers(message: Message) -> dict[str, str]:
    """The headers of a request whose body is `message.body`."""
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": message.id,
        "ce-type": message.type,
        "ce-source": message.source,
        "ce-time": message.time,
    }
    return headers | ({"traceparent": message.traceparent} if message.traceparent else {})


def from_http(header: Callable[[str], str | None], body: bytes) -> Message:
    """The message in a request. `header` looks up a header by name, case-insensitively.

    A missing attribute becomes "". The key is not sent, and `traceparent` is left to tracing.
    """
    return Message(
        id=header("ce-id") or "",
        type=header("ce-type") or "",
        source=header("ce-source") or "",
        time=header("ce-time") or "",
        key="",
        body=body,
    )
