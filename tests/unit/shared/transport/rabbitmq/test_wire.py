"""URLs, headers and errors, including odd messages from other producers."""

from datetime import UTC, datetime

import pika
import pytest
from pika.exceptions import AMQPConnectionError, ConnectionClosedByBroker

from shared.errors import SettingsError
from shared.transport.message import Failure, Message
from shared.transport.rabbitmq.broker import RabbitMQ
from shared.transport.rabbitmq.wire import explain, parameters, properties, read

MESSAGE = Message(
    id="evt-1",
    type="order.placed",
    source="/order-service",
    time="2026-01-02T03:04:05+00:00",
    key="ord-1",
    body=b"\x00\xff",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    attempt=3,
    first_failure=Failure("refused, größer", "2026-01-02T03:04:06+00:00"),
    last_failure=Failure("refused again", "2026-01-02T03:04:07+00:00"),
)


def received(headers: dict[object, object] | None, body: bytes = b"") -> Message:
    return read(pika.BasicProperties(headers=headers), body)  # type: ignore[arg-type]


def test_a_message_survives_writing_and_reading() -> None:
    assert read(properties(MESSAGE), MESSAGE.body) == MESSAGE


def test_without_headers_only_the_body_is_read() -> None:
    nothing = Message(id="", type="", source="", time="", key="", body=b"\xff\x00")
    assert received(None, b"\xff\x00") == nothing


def test_the_other_spelling_of_cloudevents_headers_is_read_too() -> None:
    message = received({"cloudEvents:id": "evt-1", "cloudEvents:type": "order.placed"})
    assert (message.id, message.type) == ("evt-1", "order.placed")


def test_header_values_of_any_type_become_text() -> None:
    message = received(
        {
            "cloudEvents_id": b"\xffevt",
            "cloudEvents_source": 42,
            "cloudEvents_time": datetime(2026, 1, 2, tzinfo=UTC),
            "cloudEvents_type": ["a", "list"],
            "x-attempt": 2,
            b"\xfe": None,
        }
    )
    assert message.id == "\N{REPLACEMENT CHARACTER}evt"
    assert (message.source, message.time) == ("42", "2026-01-02T00:00:00+00:00")
    assert (message.type, message.attempt) == ("", 2)


def test_the_brokers_own_headers_are_not_forwarded() -> None:
    message = received({"cloudEvents_id": "evt-1", "x-death": [{"queue": "q"}], "x-other": "y"})
    assert properties(message).headers == {
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": "evt-1",
        "x-attempt": "1",
    }


def test_headers_stay_small_enough_for_one_frame() -> None:
    giant = Message(id="\N{POSTAL HORN}" * 50_000, type="", source="", time="", key="", body=b"")
    headers = properties(giant, {"x-reason": "r" * 200_000}).headers or {}
    assert sum(len(str(value).encode()) for value in headers.values()) < 64 * 1024


def test_invalid_unicode_does_not_block_a_message() -> None:
    headers = properties(MESSAGE, {"x-reason": "lone surrogate \udcff"}).headers
    assert headers is not None
    assert headers["x-reason"] == "lone surrogate ?"


@pytest.mark.parametrize(
    "url",
    ["amqp://u:pa/ssw0rd@host/", "amqp://u:ssw0rd@host:port/", "amqp://u:ssw0rd@h/?heartbeat=x"],
)
def test_an_invalid_url_is_a_settings_error_without_the_password(url: str) -> None:
    with pytest.raises(SettingsError) as error:
        RabbitMQ(url, (1.0,))
    assert "ssw0rd" not in str(error.value)


def test_connection_parameters_in_the_url_are_used() -> None:
    given = parameters("amqp://host/?heartbeat=7", "x")
    assert (given.heartbeat, given.blocked_connection_timeout) == (7, 20)


def test_an_error_is_explained_by_its_innermost_cause() -> None:
    refused = ConnectionRefusedError(111, "Connection refused")
    assert explain(AMQPConnectionError(AMQPConnectionError(refused))) == str(refused)
    assert explain(ConnectionClosedByBroker(320, "CONNECTION_FORCED - bye")) == (
        "CONNECTION_FORCED - bye"
    )
    assert explain(AMQPConnectionError()) == "AMQPConnectionError"
