"""URLs, headers and decisions about records, without a Kafka."""

import re
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError
from hypothesis import given
from hypothesis import strategies as st

from orderctl.stack.ports import free_port
from shared.errors import BrokerUnavailable, PublishFailed, SettingsError
from shared.transport import LADDER, connect
from shared.transport.kafka.address import address
from shared.transport.kafka.assigned_partitions import Origin, Record
from shared.transport.kafka.batch import Batch, Outgoing, TooLarge
from shared.transport.kafka.broker import Kafka
from shared.transport.kafka.reaching import reach
from shared.transport.kafka.topics import Topic
from shared.transport.kafka.wire import (
    LONGEST,
    encode,
    headers_of,
    origin_headers,
    read,
    text,
    translated,
)
from shared.transport.message import Failure, Message

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


class Received:
    """A record as delivered by librdkafka."""

    def __init__(
        self, headers: Any, body: bytes | None = b"", *, milliseconds: int = 1_700_000_000_500
    ) -> None:
        self._headers, self._body, self._milliseconds = headers, body, milliseconds

    def topic(self) -> str:
        return "order-events"

    def partition(self) -> int:
        return 4

    def offset(self) -> int:
        return 17

    def timestamp(self) -> tuple[int, int]:
        return (1, self._milliseconds)

    def headers(self) -> Any:
        return self._headers

    def value(self) -> bytes | None:
        return self._body


def received(
    headers: Any, body: bytes | None = b"", key: bytes | None = None, **more: Any
) -> Record:
    return read(cast(Any, Received(headers, body, **more)), key=key)[0]


def test_a_message_survives_writing_and_reading() -> None:
    record = received(headers_of(MESSAGE), MESSAGE.body)
    assert record.message == MESSAGE
    assert (record.partition, record.offset, record.at) == (
        ("order-events", 4),
        17,
        1_700_000_000.5,
    )


def test_without_headers_body_key_and_origin_are_read() -> None:
    record = received(None, b"\xff\x00", key=b"ord-\xff")
    assert record.message.body == b"\xff\x00"
    assert record.message.key == "ord-\N{REPLACEMENT CHARACTER}"
    assert record.origin == Origin("order-events", 4, 17)


def test_the_original_position_is_kept() -> None:
    first = Origin("order-events", 2, 5)
    assert received([*headers_of(MESSAGE), *origin_headers(first)]).origin == first


class OddlyNamed(Received):
    """Fails like confluent-kafka 2.16 when a header's name is not UTF-8."""

    def headers(self) -> Any:
        raise SystemError("returned a result with an exception set")


def test_unreadable_headers_are_ignored() -> None:
    record, _headers = read(cast(Any, OddlyNamed(None, b"{}")), key=b"ord-1")
    assert (record.message.key, record.message.body, record.message.id) == ("ord-1", b"{}", "")


ODD_NUMBERS = ["", "-1", "+1", " 1", "1_0", "two", "²", "\N{ARABIC-INDIC DIGIT THREE}", "9" * 5000]


@pytest.mark.parametrize("odd", ODD_NUMBERS, ids=range(len(ODD_NUMBERS)))
def test_an_invalid_origin_is_ignored(odd: str) -> None:
    for partition, offset in ((odd, "1"), ("1", odd)):
        place = {"x-original-partition": partition, "x-original-offset": offset}
        headers = encode({"x-original-topic": "a", **place})
        assert received(headers).origin == Origin("order-events", 4, 17)


@pytest.mark.parametrize("odd", ODD_NUMBERS, ids=range(len(ODD_NUMBERS)))
def test_an_invalid_attempt_counts_as_the_first(odd: str) -> None:
    assert received(encode({"x-attempt": odd})).message.attempt == 1


def test_an_overlong_attribute_is_ignored() -> None:
    longest, longer = b"\xff" * LONGEST, b"\xff" * (LONGEST + 1)
    found = received([("ce_id", longest), ("ce_type", longer)], b"body", key=longer).message
    assert found == Message(id=text(longest), type="", source="", time="", key="", body=b"body")


@pytest.mark.parametrize(("milliseconds", "at"), [(-1, 0.0), (2**63 - 1, 253_402_300_799.0)])
def test_an_invalid_timestamp_becomes_a_valid_time(milliseconds: int, at: float) -> None:
    record = received([], milliseconds=milliseconds)
    assert record.at == at
    assert datetime.fromtimestamp(record.at, UTC).timestamp() == at


NAMES = [
    *("ce_id", "ce_type", "ce_time", "ce_partitionkey", "traceparent", "x-attempt", "x-reason"),
    *("x-original-topic", "x-original-partition", "x-original-offset", "x-first-failure-at"),
]
VALUES = st.none() | st.binary() | st.text(alphabet="-+0123456789_.e \u0663\u00b2").map(str.encode)


@given(
    headers=st.none() | st.lists(st.tuples(st.sampled_from(NAMES) | st.text(), VALUES)),
    body=st.none() | st.binary(),
    key=st.none() | st.binary(),
    milliseconds=st.integers(-(2**63), 2**63 - 1),
)
def test_any_record_can_be_read_and_written_again(
    headers: Any, body: bytes | None, key: bytes | None, milliseconds: int
) -> None:
    record = received(headers, body, key, milliseconds=milliseconds)
    again = received(headers_of(record.message), record.message.body)
    assert (record.message.body, again.message) == (body or b"", record.message)
    assert received(origin_headers(record.origin)).origin == record.origin


def test_header_values_of_any_bytes_become_text() -> None:
    message = received([("ce_id", b"\xffevt"), ("ce_type", None), ("x-attempt", b"2")]).message
    assert (message.id, message.type) == ("\N{REPLACEMENT CHARACTER}evt", "")
    assert message.attempt == 2


def test_a_url_has_brokers_and_topic_settings() -> None:
    found = address(
        "kafka://user:p%40ss@one:9092,[::1]:9093/shop"
        "?partitions=3&replication=3&retention_days=0.5"
        "&security.protocol=sasl_ssl&sasl.mechanism=SCRAM-SHA-512",
        (1.0, 5.0),
    )
    assert found.servers == [("one", 9092), ("::1", 9093)]
    assert found.client["bootstrap.servers"] == "one:9092,[::1]:9093"
    assert found.client["sasl.password"] == "p@ss"
    assert found.client["sasl.mechanism"] == "SCRAM-SHA-512"
    events, *_ = found.layout.topics(["email"])
    assert events == Topic(
        "shop.order-events",
        3,
        3,
        {
            "cleanup.policy": "delete",
            "retention.ms": "43200000",
            "segment.ms": "6171429",
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": "4194304",
            "min.insync.replicas": "2",
        },
    )


@pytest.mark.parametrize(("replication", "flush"), [(1, "1"), (2, "1"), (3, None), (5, None)])
def test_topics_without_replicas_flush_each_message(replication: int, flush: str | None) -> None:
    layout = address(f"kafka://one:9092?replication={replication}", LADDER).layout
    flushes = {topic.settings.get("flush.messages") for topic in layout.topics(["email"])}
    assert flushes == {flush}


def test_topic_and_group_names() -> None:
    layout = address("kafka://one:9092", (1.0, 0.2)).layout
    assert layout.group("email") == "email-service"
    assert [topic.name for topic in layout.topics(["email"])] == [
        "order-events",
        "order-events.email-service.redrive",
        "order-events.email-service.retry.200ms",
        "order-events.email-service.retry.1s",
        "order-events.email-service.retry.5s",
        "order-events.email-service.dlq",
    ]
    seven_days = str(7 * 24 * 60 * 60 * 1000)
    assert [topic.settings.get("retention.ms") for topic in layout.topics(["email"])] == [
        *[seven_days] * 5,
        None,
    ]


@pytest.mark.parametrize(
    "url",
    [
        "kafka://",
        "kafka://host",
        "kafka://host:0",
        "kafka://host:99999",
        "kafka://one:9092,",
        "kafka://host:9092/a/b",
        "kafka://host:9092/ä",
        "kafka://host:9092?partitions=0",
        "kafka://host:9092?partitions=many",
        "kafka://host:9092?replication=10",
        "kafka://host:9092?retention_days=0",
        "kafka://host:9092?retention_days=nan",
        "kafka://host:9092?partition=3",
        "kafka://host:9092?partitions",
        "kafka://host:9092?enable.auto.commit=true",
        "kafka://host:9092?bootstrap.servers=other:9092",
        "kafka://user:secret@host:9092",
        "kafka://user:secret@host:9092?security.protocol=ssl&sasl.mechanism=PLAIN",
        "kafka://user:secret@host:9092?security.protocol=sasl_ssl",
        "kafka://host:9092?ssl.ca.location=/ca.pem",
        "kafka://user:secret@host:9092?security.protocol=sasl_plaintext&sasl.mechanism=PLAIN"
        "&ssl.ca.location=/ca.pem",
    ],
)
def test_an_invalid_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(SettingsError, match="BROKER_URL is not of the form kafka://"):
        connect(url)


@pytest.mark.parametrize(
    "url",
    [
        "kafka://user:secret@host:none",
        "kafka://user:secret@[host:9092",
        "kafka://user:secret\N{ACCOUNT OF}@host:9092",
        "kafka://host:9092?sasl.password=se&cret",
        "kafka://host:9092?security.protocol=sasl_plaintext&sasl.mechanism=NO&sasl.password=secret",
    ],
)
def test_an_error_in_a_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        connect(url)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("no.such=1", 'No such configuration property: "no.such"'),
        ("session.timeout.ms=6000", "not supported for `group.protocol=consumer`"),
    ],
)
def test_a_property_unknown_to_librdkafka_is_refused_at_once(query: str, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        connect(f"kafka://host:9092?{query}")


def test_rungs_of_an_earlier_ladder_are_consumed_where_their_topics_exist() -> None:
    layout = address("kafka://one:9092/shop", (1.0,)).layout
    existing = [
        "shop.order-events.email-service.retry.200ms",
        "shop.order-events.email-service.retry.1500ms",
        "shop.order-events.email-service.retry.5s",
        "shop.order-events.email-service.retry.5s.old",
        "shop.order-events.sms-service.retry.7s",
        "order-events.email-service.retry.9s",
    ]
    assert layout.retries("email", existing) == {
        "shop.order-events.email-service.retry.1s": 1.0,
        "shop.order-events.email-service.retry.200ms": 0.2,
        "shop.order-events.email-service.retry.1500ms": 1.5,
        "shop.order-events.email-service.retry.5s": 5.0,
    }


def test_a_kafka_url_creates_a_kafka_broker_without_connecting() -> None:
    assert isinstance(connect("kafka://nowhere.invalid:9092"), Kafka)


def test_an_unreachable_broker_is_reported_at_once() -> None:
    port = free_port()
    with pytest.raises(BrokerUnavailable, match=f"127.0.0.1:{port}: Connection refused"):
        reach(address(f"kafka://127.0.0.1:{port}", ()))


def outgoing(*ids: str) -> list[Outgoing]:
    return [Outgoing(id, "order-events", None, b"", []) for id in ids]


REFUSED = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
TIMED_OUT = KafkaError(KafkaError._MSG_TIMED_OUT)


def test_a_timeout_is_an_outage() -> None:
    with pytest.raises(BrokerUnavailable, match="no response in time"), translated():
        Future[None]().result(0.01)


def test_a_fully_confirmed_batch_raises_no_error() -> None:
    batch = Batch(outgoing("a", "b"))
    batch.decide(0, None)
    batch.decide(1, None)
    batch.check()


def test_a_failed_kafka_batch_reports_the_confirmed_ids() -> None:
    batch = Batch(outgoing("a", "b", "c", "d"))
    batch.decide(0, None)
    batch.decide(1, REFUSED)
    batch.decide(2, TIMED_OUT)
    with pytest.raises(PublishFailed, match="too large") as failed:
        batch.check()
    assert failed.value.confirmed == {"a"}


NO_LEADER = KafkaError(KafkaError.LEADER_NOT_AVAILABLE)


def test_a_batch_blames_only_records_refused_for_their_content() -> None:
    batch = Batch(outgoing("taken", "too large", "late", "no leader", "undecided"))
    for number, error in enumerate((None, REFUSED, TIMED_OUT, NO_LEADER)):
        batch.decide(number, error)
    with pytest.raises(TooLarge) as failed:
        batch.check()
    assert failed.value.blameless == {"late", "no leader", "undecided"}


def test_a_record_is_not_blamed_for_an_unavailable_broker() -> None:
    batch = Batch(outgoing("taken", "late"))
    batch.decide(0, None)
    batch.decide(1, TIMED_OUT)
    with pytest.raises(PublishFailed) as failed:
        batch.check()
    assert failed.value.confirmed == {"taken"}
    assert failed.value.blameless == {"late"}


def test_an_id_with_one_failed_record_is_not_confirmed() -> None:
    batch = Batch(outgoing("a", "a", "b"))
    batch.decide(0, None)
    batch.decide(1, REFUSED)
    batch.decide(2, None)
    with pytest.raises(PublishFailed) as failed:
        batch.check()
    assert failed.value.confirmed == {"b"}


@pytest.mark.parametrize("error", [TIMED_OUT, None], ids=["timed out", "undecided"])
def test_a_batch_without_any_response_means_an_outage(error: KafkaError | None) -> None:
    batch = Batch(outgoing("a"))
    if error:
        batch.decide(0, error)
    with pytest.raises(BrokerUnavailable):
        batch.check()


def test_an_oversized_record_is_distinguished_from_temporary_refusals() -> None:
    for error, is_too_large in (
        (REFUSED, True),
        (KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), False),
    ):
        batch = Batch(outgoing("a"))
        batch.decide(0, error)
        with pytest.raises(PublishFailed) as failed:
            batch.check()
        assert isinstance(failed.value, TooLarge) is is_too_large


def test_a_completely_refused_batch_is_not_an_outage() -> None:
    batch = Batch(outgoing("a"))
    batch.decide(0, REFUSED)
    with pytest.raises(PublishFailed) as failed:
        batch.check()
    assert failed.value.confirmed == frozenset()
