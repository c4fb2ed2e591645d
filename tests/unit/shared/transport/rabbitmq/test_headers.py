"""Decoding properties: every AMQP type is read, and no bytes raise an error."""

import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika.frame import Header, decode_frame

from shared.transport.rabbitmq.headers import content_header, decode_properties
from tests.amqp import MILLISECONDS, ODD_VALUES, RawHeaders, table

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
FULL = pika.BasicProperties(
    content_type="application/json",
    content_encoding="gzip",
    headers={
        "text": "größer",
        "bytes": b"\xff\0",
        "yes": True,
        "small": -5,
        "large": 2**40,
        "time": NOON,
        "nothing": None,
        "table": {"list": [{"deep": 1}]},
    },
    delivery_mode=2,
    priority=3,
    correlation_id="correlation",
    reply_to="reply",
    expiration="1000",
    message_id="id",
    timestamp=1_767_323_045,
    type="order.placed",
    user_id="guest",
    app_id="app",
    cluster_id="cluster",
)


def encoded(properties: pika.BasicProperties) -> bytes:
    return b"".join(properties.encode())


def test_everything_that_pika_writes_is_read() -> None:
    assert decode_properties(encoded(FULL)) == FULL


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (struct.pack(">cb", b"b", -1), -1),
        (struct.pack(">cB", b"B", 255), 255),
        (struct.pack(">ch", b"s", -2), -2),
        (struct.pack(">ch", b"U", -2), -2),
        (struct.pack(">cH", b"u", 65535), 65535),
        (struct.pack(">ci", b"I", -3), -3),
        (struct.pack(">cI", b"i", 2**32 - 1), 2**32 - 1),
        (struct.pack(">cq", b"l", -4), -4),
        (struct.pack(">cq", b"L", -4), -4),
        (struct.pack(">cd", b"d", 0.5), 0.5),
        (struct.pack(">cf", b"f", 0.5), 0.5),
        (MILLISECONDS, 1_767_323_045_000),
    ],
)
def test_a_value_of_each_type_and_the_next_one_are_read(value: bytes, read: object) -> None:
    after = struct.pack(">c?", b"t", True)
    properties = decode_properties(encoded(RawHeaders({b"odd": value, b"after": after})))
    assert properties.headers == {"odd": read, "after": True}
    assert properties.delivery_mode == 2


@pytest.mark.parametrize("odd", ODD_VALUES)
def test_headers_beside_an_odd_value_are_read(odd: str) -> None:
    fields = {b"before": b"V", b"odd": ODD_VALUES[odd], b"after": struct.pack(">ci", b"I", 7)}
    headers = decode_properties(encoded(RawHeaders(fields))).headers or {}
    assert (headers["before"], headers["after"]) == (None, 7)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\x20",
        b"\x20\x00",
        b"\x20\x00\x00\x00\x00\xff",
        b"\x20\x00" + table({b"odd": b"?"}),
        b"\x20\x00" + table({b"odd": struct.pack(">cI", b"S", 99)}),
        b"\x20\x00" + table({b"odd": struct.pack(">cI", b"A", 1) + b"?"}),
        b"\x20\x00" + table({b"odd": b"D\x00"}),
        b"\x00\x40\x00",
    ],
)
def test_invalid_bytes_are_read_as_no_properties(bad: bytes) -> None:
    assert decode_properties(bad) == pika.BasicProperties()


@given(st.binary(max_size=300))
def test_no_bytes_raise(some: bytes) -> None:
    assert isinstance(decode_properties(some), pika.BasicProperties)
    assert isinstance(decode_properties(b"\x20\x00" + some), pika.BasicProperties)


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.text() | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none() | st.binary(),
    )
)
def test_headers_are_read_as_pika_wrote_them(headers: dict[str, Any]) -> None:
    written = pika.BasicProperties(headers=headers)
    assert decode_properties(encoded(written)).headers == headers


def test_a_decimal_is_skipped() -> None:
    written = pika.BasicProperties(headers={"price": Decimal("1.5"), "after": 1})
    assert decode_properties(encoded(written)).headers == {"price": None, "after": 1}


def test_only_complete_header_frames_are_read() -> None:
    frame = Header(7, 12, FULL).marshal()
    assert [content_header(frame[:size]) for size in range(len(frame))] == [None] * len(frame)
    size, header = content_header(frame + b"more") or (0, None)
    assert header is not None
    assert (size, header.channel_number, header.body_size) == (len(frame), 7, 12)
    assert header.properties == FULL
    assert decode_frame(frame)[0] == size
    assert content_header(b"\x01" + frame[1:]) is None
