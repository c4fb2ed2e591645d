"""Converts between messages and Kafka records, and explains librdkafka's errors."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from shared.errors import BrokerForbids, BrokerUnavailable
from shared.transport.kafka.assigned_partitions import End, Origin, Record
from shared.transport.message import MAX_REASON, Message, from_headers, to_headers

PREFIX = "ce_"
#: The reason why and the time when a consumer dead-lettered the message.
REASON_HEADER = "x-reason"
AT_HEADER = "x-dead-lettered-at"
#: The most bytes of a header or a key: ours are never longer, and foreign ones must not make
#: republished messages larger.
LONGEST = 4 * MAX_REASON
#: The format of an offset or a partition number.
_NUMBER = re.compile(r"[0-9]{1,18}")
#: The last second of datetime's range. Timestamps set by producers may be any number.
_LATEST_MS = 253_402_300_799_000
ORIGIN_HEADERS = ("x-original-topic", "x-original-partition", "x-original-offset")

#: Headers as Kafka stores them: values are bytes, and a name may be repeated.
Headers = list[tuple[str, str | bytes | None]]


def headers_of(message: Message) -> Headers:
    """Headers built from the message, never copied from the received ones."""
    headers = {**to_headers(message, PREFIX), "content-type": "application/json"}
    return encode(headers)


def encode(headers: Mapping[str, str]) -> Headers:
    return [(name, value.encode("utf-8", "replace")) for name, value in headers.items()]


def origin_headers(origin: Origin) -> Headers:
    return encode(dict(zip(ORIGIN_HEADERS, (str(part) for part in origin), strict=True)))


def read(
    received: "confluent_kafka.Message[bytes, bytes]", *, key: bytes | None = None
) -> tuple[Record, Mapping[str, str]]:
    """A record and its headers; foreign producers may have omitted any header.

    Never raises: undecodable headers are omitted, and the consumer dead-letters a message that
    lacks an attribute. An error here would recur for ever, in every service, and block all later
    records of the partition.

    `key`: the record's key, if it is the order id; then no header has to repeat it.
    """
    headers = {name: found for name, value in _headers(received) if (found := _short(value))}
    headers.setdefault(f"{PREFIX}partitionkey", _short(key))
    # None only for a record that was not written yet.
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
    """The error received instead of a record; None for a record or the end of a partition."""
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
        # The library's type also allows the dict of a producer; received headers are always a
        # list, with values that are bytes or None.
        return cast(list[tuple[str, bytes | None]], received.headers() or [])
    except (SystemError, UnicodeDecodeError):
        # confluent-kafka 2.16 raises this if the name of any header is not UTF-8.
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
    """librdkafka's message for an error."""
    inner = error.args[0] if isinstance(error, KafkaException) and error.args else error
    return str(inner.str() if isinstance(inner, KafkaError) else inner)


#: A socket that was opened, and nothing that is Kafka came over it.
_UNFIT = " (it takes connections but does not answer: security.protocol has to fit its port)"


_FORBIDDEN = frozenset(
    {
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)


class Reasons:
    """Remembers why connecting fails. librdkafka passes the reason to a callback only; the error
    that it raises later reports a timeout.
    """

    _TELLING = frozenset({KafkaError._AUTHENTICATION, KafkaError._SSL})

    def __init__(self) -> None:
        self.last = ""

    def __call__(self, error: KafkaError) -> None:
        if error.code() in self._TELLING:
            self.last = f" ({error.str()})"


@contextmanager
def translated(reasons: Reasons | None = None) -> Iterator[None]:
    """Converts the library's errors into BrokerUnavailable."""
    try:
        yield
    except KafkaException as error:
        kind = BrokerForbids if error.args[0].code() in _FORBIDDEN else BrokerUnavailable
        raise kind(f"Kafka: {explain(error)}{_why(error, reasons)}") from error
    except TimeoutError as error:
        # From waiting here for a response, not in librdkafka.
        why = reasons.last if reasons else ""
        raise BrokerUnavailable(f"Kafka: no response in time{why}") from error


def _why(error: KafkaException, reasons: Reasons | None) -> str:
    if reasons is None or reasons.last:
        return reasons.last if reasons else ""
    return _UNFIT if error.args[0].code() == KafkaError._TRANSPORT else ""
