"""Events over HTTP: sending and reading are symmetric."""

from werkzeug.datastructures import Headers

from shared.transport import Message
from shared.transport.http_binding import from_http, to_http_headers

MESSAGE = Message(
    id="evt-1",
    type="order.placed",
    source="/services/order",
    time="2026-01-01T00:00:00+00:00",
    key="",
    body=b'{"orderId": "ord-1"}',
)


def test_a_sent_event_is_read_unchanged() -> None:
    headers = Headers(to_http_headers(MESSAGE))

    assert from_http(headers.get, MESSAGE.body) == MESSAGE


def test_the_headers_follow_the_binary_mode() -> None:
    assert to_http_headers(MESSAGE) == {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "evt-1",
        "ce-type": "order.placed",
        "ce-source": "/services/order",
        "ce-time": "2026-01-01T00:00:00+00:00",
    }


def test_missing_headers_are_empty() -> None:
    assert from_http(Headers().get, b"") == Message(
        id="", type="", source="", time="", key="", body=b""
    )
