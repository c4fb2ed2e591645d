"""Decodes the properties of any AMQP message without raising, unlike pika's own decoder.

An exception in the decoder ends the connection, and the broker redelivers the message on the next
one, so a single message would stop every consumer of its queue. pika raises for a timestamp that
is out of range (milliseconds), for NaN, and for deeply nested tables.
Source: AMQP 0-9-1, sections 2.3.5 and 4.2.6, and RabbitMQ's list of errata to it.
"""

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pika
from pika.exceptions import AMQPConnectionError
from pika.frame import Frame, Header, ProtocolHeader
from pika.spec import FRAME_END, FRAME_HEADER, FRAME_HEADER_SIZE

#: Headers, the list `x-death`, a record in it, its values: deeper levels are never needed.
_DEEPEST = 3

_LENGTH = struct.Struct(">I")
_TIMESTAMP = struct.Struct(">Q")
_OCTET = struct.Struct("B")
#: Values of a fixed size, by the octet that names their type.
_FIXED = {
    kind.encode(): struct.Struct(f">{layout}")
    for kind, layout in {
        "t": "?",
        "b": "b",
        "B": "B",
        "s": "h",
        "U": "h",
        "u": "H",
        "I": "i",
        "i": "I",
        "l": "q",
        "L": "q",
        "f": "f",
        "d": "d",
    }.items()
}
_DECIMAL_SIZE = 5


class Undecodable(Exception):
    """The bytes are not valid AMQP."""


class TolerantConnection(pika.SelectConnection):
    """Delivers every message: one with undecodable properties arrives without any."""

    # pika has no public hook for this; a test sends a message that its own decoder rejects.
    def _read_frame(self) -> "tuple[int, Frame | ProtocolHeader | None]":
        header = content_header(self._frame_buffer)  # type: ignore[attr-defined]
        return header or super()._read_frame()  # type: ignore[misc]

    def abort(self) -> None:
        """Close the socket without AMQP's closing handshake."""
        self._terminate_stream(AMQPConnectionError("given up"))  # type: ignore[attr-defined]


def content_header(data: bytes) -> tuple[int, Header] | None:
    """The size of the content header at the start of `data`, and the header; None if there is
    another frame or an incomplete one.
    """
    if data[:1] != _OCTET.pack(FRAME_HEADER) or len(data) < FRAME_HEADER_SIZE:
        return None
    channel, size = struct.unpack_from(">HI", data, 1)
    end = FRAME_HEADER_SIZE + size
    if data[end : end + 1] != _OCTET.pack(FRAME_END):
        return None
    _class, _weight, body_size = struct.unpack_from(">HHQ", data, FRAME_HEADER_SIZE)
    properties = decode_properties(data[FRAME_HEADER_SIZE + 12 : end])
    return end + 1, Header(channel, body_size, properties)


def decode_properties(encoded: bytes) -> pika.BasicProperties:
    """Never raises: undecodable bytes become properties that are all None."""
    try:
        return _properties(encoded)
    except (struct.error, Undecodable):
        return pika.BasicProperties()


def _properties(encoded: bytes) -> pika.BasicProperties:
    properties = pika.BasicProperties()
    (flags,) = struct.unpack_from(">H", encoded)
    offset = 2
    for position, (name, read) in enumerate(_FIELDS.items()):
        if flags & (1 << (15 - position)):
            value, offset = read(encoded, offset)
            setattr(properties, name, value)
    return properties


def _octet(data: bytes, offset: int) -> tuple[int, int]:
    return _OCTET.unpack_from(data, offset)[0], offset + 1


def _timestamp(data: bytes, offset: int) -> tuple[int, int]:
    return _TIMESTAMP.unpack_from(data, offset)[0], offset + _TIMESTAMP.size


def _short_string(data: bytes, offset: int) -> tuple[str, int]:
    length, offset = _octet(data, offset)
    return _taken(data, offset, length).decode("utf-8", "replace"), offset + length


def _long(data: bytes, offset: int) -> tuple[bytes, int]:
    (length,) = _LENGTH.unpack_from(data, offset)
    offset += _LENGTH.size
    return _taken(data, offset, length), offset + length


def _taken(data: bytes, offset: int, length: int) -> bytes:
    taken = data[offset : offset + length]
    if len(taken) < length:
        raise Undecodable("a value is shorter than its length field")
    return taken


def _headers(data: bytes, offset: int) -> tuple[dict[str, object], int]:
    encoded, offset = _long(data, offset)
    return _table(encoded, 0), offset


_FIELDS: Mapping[str, Callable[[bytes, int], tuple[object, int]]] = {
    "content_type": _short_string,
    "content_encoding": _short_string,
    "headers": _headers,
    "delivery_mode": _octet,
    "priority": _octet,
    "correlation_id": _short_string,
    "reply_to": _short_string,
    "expiration": _short_string,
    "message_id": _short_string,
    "timestamp": _timestamp,
    "type": _short_string,
    "user_id": _short_string,
    "app_id": _short_string,
    "cluster_id": _short_string,
}


def _table(encoded: bytes, depth: int) -> dict[str, object]:
    table, offset = {}, 0
    while offset < len(encoded):
        name, offset = _short_string(encoded, offset)
        table[name], offset = _value(encoded, offset, depth)
    return table


def _array(encoded: bytes, depth: int) -> list[object]:
    array, offset = [], 0
    while offset < len(encoded):
        value, offset = _value(encoded, offset, depth)
        array.append(value)
    return array


def _value(data: bytes, offset: int, depth: int) -> tuple[object, int]:
    kind, offset = data[offset : offset + 1], offset + 1
    if layout := _FIXED.get(kind):
        return layout.unpack_from(data, offset)[0], offset + layout.size
    if kind == b"T":
        seconds, offset = _timestamp(data, offset)
        return date(seconds) or seconds, offset
    if kind == b"V":
        return None, offset
    if kind == b"D":
        # A decimal: none of our headers is one.
        _taken(data, offset, _DECIMAL_SIZE)
        return None, offset + _DECIMAL_SIZE
    if kind in (b"S", b"x", b"A", b"F"):
        content, offset = _long(data, offset)
        return _content(kind, content, depth + 1), offset
    raise Undecodable(f"no value has the type {kind!r}")


def _content(kind: bytes, content: bytes, depth: int) -> object:
    if kind == b"S":
        return content.decode("utf-8", "replace")
    if kind == b"x":
        return content
    if depth > _DEEPEST:
        return None
    return _table(content, depth) if kind == b"F" else _array(content, depth)


def date(seconds: int | None) -> datetime | None:
    """None for seconds since 1970 that are out of range, such as milliseconds."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
