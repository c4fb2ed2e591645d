"""What travels between us and Kafka: messages as records, errors as words."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from shared.errors import BrokerUnavailable
from shared.transport.kafka.assigned_partitions import End, Origin, Record
from shared.transport.message import MAX_REASON, Message, from_headers, to_headers

PREFIX = "ce_"
#: Why and when a message was dead-lettered by its consumer.
REASON_HEADER = "x-reason"
AT_HEADER = "x-dead-lettered-at"
#: Bytes of a header or a key: no attribute of ours is longer, and what is written with each
#: message must not grow with what somebody else has made up.
LONGEST = 4 * MAX_REASON
#: What an offset and the number of a partition can be.
_NUMBER = re.compile(r"[0-9]{1,18}")
#: The last second that has a date. Only LogAppendTime is the broker's own; others may be anything.
_LATEST_MS = 253_402_300_799_000
ORIGIN_HEADERS = ("x-original-topic", "x-original-partition", "x-original-offset")

#: A header as Kafka has it: bytes, and a name may come twice.
Headers = list[tuple[str, str | bytes | None]]


def headers_of(message: Message) -> Headers:
    """Made anew from the message, never copied from what was received."""
    headers = {**to_headers(message, PREFIX), "content-type": "application/json"}
    return encode(headers)


def encode(headers: Mapping[str, str]) -> Headers:
    return [(name, value.encode("utf-8", "replace")) for name, value in headers.items()]


def origin_headers(origin: Origin) -> Headers:
    return encode(dict(zip(ORIGIN_HEADERS, (str(part) for part in origin), strict=True)))


def read(
    received: "confluent_kafka.Message[bytes, bytes]", *, key: bytes | None = None
) -> tuple[Record, Mapping[str, str]]:
    """A record and its headers; foreign producers may have left out every one of these.

    Whatever the bytes are, this raises nothing: what cannot be decoded is left out, and the
    consumer dead-letters what lacks an attribute. An error here would come again for ever, in
    every service, in front of all that follows in the partition.

    `key` is that of the record where it is the order's id: then no header has to repeat it.
    """
    headers = {name: found for name, value in _headers(received) if (found := _short(value))}
    headers.setdefault(f"{PREFIX}partitionkey", _short(key))
    # None only before a record has been written.
    topic, partition = cast(str, received.topic()), cast(int, received.partition())
    offset = cast(int, received.offset())
    record = Record(
        message=from_headers(headers, received.value() or b"", PREFIX),
        partition=(topic, partition),
        offset=offset,
        at=min(max(received.timestamp()[1], 0), _LATEST_MS) / 1000,
        origin=_origin(headers) or Origin(topic, partition, offset),
    )
    return record, headers


def failure(received: "confluent_kafka.Message[bytes, bytes]") -> KafkaError | None:
    """What has been received instead of a record; that a partition ends is no failure."""
    error = received.error()
    return None if error is None or error.code() == KafkaError._PARTITION_EOF else error


def arrival(received: "confluent_kafka.Message[bytes, bytes]") -> Record | End:
    """A record of a service, whose key is the order's id, or the end of a partition."""
    if received.error() is None:
        return read(received, key=received.key())[0]
    partition = cast(str, received.topic()), cast(int, received.partition())
    return End(partition, cast(int, received.offset()))


def _headers(
    received: "confluent_kafka.Message[bytes, bytes]",
) -> list[tuple[str, bytes | None]]:
    try:
        # Its types allow the dict that a producer may give; what is received is always a list, of
        # values that are bytes or nothing.
        return cast(list[tuple[str, bytes | None]], received.headers() or [])
    except (SystemError, UnicodeDecodeError):
        # confluent-kafka 2.16, when the name of a header is not UTF-8. Then none of them is read.
        return []


def _short(value: bytes | None) -> str:
    return text(value) if value and len(value) <= LONGEST else ""


def _origin(headers: Mapping[str, str]) -> Origin | None:
    topic, partition, offset = [headers.get(name, "") for name in ORIGIN_HEADERS]
    if not (topic and _NUMBER.fullmatch(partition) and _NUMBER.fullmatch(offset)):
        return None
    return Origin(topic, int(partition), int(offset))


def text(value: str | bytes | None) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value or ""


def explain(error: BaseException) -> str:
    """What happened, in librdkafka's words."""
    inner = error.args[0] if isinstance(error, KafkaException) and error.args else error
    return str(inner.str() if isinstance(inner, KafkaError) else inner)


#: A socket that was opened, and nothing that is Kafka came over it.
_UNFIT = " (it takes connections but does not answer: security.protocol has to fit its port)"


class Reasons:
    """Why no connection comes about. librdkafka says it to a callback, and then asks on until
    the time is over; the error that it raises says no more than that.
    """

    _TELLING = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})

    def __init__(self) -> None:
        self.last = ""

    def __call__(self, error: KafkaError) -> None:
        if error.code() in self._TELLING:
            self.last = f" ({error.str()})"


@contextmanager
def translated(reasons: Reasons | None = None) -> Iterator[None]:
    """Inside, the library's errors become BrokerUnavailable."""
    try:
        yield
    except KafkaException as error:
        raise BrokerUnavailable(f"Kafka: {explain(error)}{_why(error, reasons)}") from error
    except TimeoutError as error:
        # Of a question whose answer is waited for here, and not in librdkafka.
        why = reasons.last if reasons else ""
        raise BrokerUnavailable(f"Kafka: no answer in time{why}") from error


def _why(error: KafkaException, reasons: Reasons | None) -> str:
    if reasons is None or reasons.last:
        return reasons.last if reasons else ""
    return _UNFIT if error.args[0].code() == KafkaError._TRANSPORT else ""
