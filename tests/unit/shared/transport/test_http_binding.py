"""Events over HTTP: what one service sends is what the other reads."""

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


def test_what_is_sent_is_read() -> None:
    headers = Headers(to_http_headers(MESSAGE))

    assert from_http(headers.get, MESSAGE.body) == MESSAGE


def test_the_headers_are_those_of_the_binary_mode() -> None:
    assert to_http_headers(MESSAGE) == {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "evt-1",
        "ce-type": "order.placed",
        "ce-source": "/services/order",
        "ce-time": "2026-01-01T00:00:00+00:00",
    }


def test_what_is_missing_is_empty() -> None:
    assert from_http(Headers().get, b"") == Message(
        id="", type="", source="", time="", key="", body=b""
    )
