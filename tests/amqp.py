"""Hand-written AMQP properties that no client library would send."""

import struct

import pika


def table(fields: dict[bytes, bytes]) -> bytes:
    content = b"".join(bytes([len(name)]) + name + value for name, value in fields.items())
    return struct.pack(">I", len(content)) + content


def nested(levels: int) -> bytes:
    """A table nested in tables."""
    value = b"V"
    for _ in range(levels):
        value = b"F" + table({b"t": value})
    return value


#: The bytes of one value each, with the type octet.
MILLISECONDS = struct.pack(">cQ", b"T", 1_767_323_045_000)
ODD_VALUES = {
    "a timestamp in milliseconds": MILLISECONDS,
    "a negative timestamp": struct.pack(">cq", b"T", -1),
    "no number": struct.pack(">cd", b"d", float("nan")),
    "an infinite number": struct.pack(">cf", b"f", float("inf")),
    "the largest decimal": struct.pack(">cBi", b"D", 255, 2**31 - 1),
    "nothing": b"V",
    "bytes": struct.pack(">cI", b"x", 2) + b"\xff\x00",
    "a string that is not UTF-8": struct.pack(">cI", b"S", 2) + b"\xff\x00",
    "a list of odd values": struct.pack(">cI", b"A", 18) + 2 * MILLISECONDS,
    "a thousand tables in each other": nested(1000),
}


class RawHeaders(pika.BasicProperties):
    """Persistent-message properties with exactly these headers; values are bytes on the wire."""

    def __init__(self, fields: dict[bytes, bytes]) -> None:
        super().__init__()
        self._table = table(fields)

    def encode(self) -> list[bytes]:
        flags = pika.BasicProperties.FLAG_HEADERS | pika.BasicProperties.FLAG_DELIVERY_MODE
        return [struct.pack(">H", flags), self._table, b"\x02"]


def text(value: str) -> bytes:
    return struct.pack(">cI", b"S", len(value.encode())) + value.encode()
