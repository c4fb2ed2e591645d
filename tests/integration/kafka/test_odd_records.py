"""Foreign records that our code would never write: received, kept byte for byte, discarded."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import Producer

from shared.transport import Broker, Delivery, Depth, Failure, Message, Span, connect
from shared.transport.kafka.topics import LARGEST_KEPT
from tests.conformance.steps import a_message, acked, drain, ids, late, publish, take
from tests.conformance.transports import LADDER
from tests.integration.kafka.outside import bootstrap
from tools.servers import KafkaServer

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
DIGITS = b"9" * 5000
PLACE = [("x-original-topic", b"a"), ("x-original-partition", b"1"), ("x-original-offset", b"2")]
IN_THE_YEAR_9999 = 253_370_764_800_000
#: `Any`, because confluent-kafka accepts header names of type bytes, which its types do not show.
ODD: dict[str, dict[str, Any]] = {
    "a partition of many digits": {"headers": [*PLACE, ("x-original-partition", DIGITS)]},
    "an offset of many digits": {"headers": [*PLACE, ("x-original-offset", DIGITS)]},
    "digits of another script": {"headers": [*PLACE, ("x-original-offset", "\u0663".encode())]},
    "a negative offset": {"headers": [*PLACE, ("x-original-offset", b"-3")]},
    "attempts of many digits": {"headers": [("x-attempt", DIGITS)]},
    "no attempts yet": {"headers": [("x-attempt", b"0")]},
    "values that are not there": {"headers": [("ce_id", None), ("x-attempt", None)]},
    "a header that comes twice": {"headers": [("ce_id", b"a"), ("ce_id", b"b")]},
    "a name that is not UTF-8": {"headers": [(b"\xff\xfe", b"a"), ("ce_id", b"b")]},
    "a value that is not UTF-8": {"headers": [("ce_id", b"\xff\xfe"), ("ce_time", b"\xff")]},
    "a large header": {"headers": [("ce_id", b"\xff" * 2_000_000)]},
    "a time far ahead": {"timestamp": IN_THE_YEAR_9999},
    "no key": {"key": None},
    "an empty key": {"key": b""},
    "a key that is not UTF-8": {"key": b"\xff\x00"},
    "a large key": {"key": b"\xff" * 3_000_000},
}


@pytest.fixture
def broker(kafka_url: str) -> Broker:
    made = connect(kafka_url, LADDER)
    made.declare(["email"])
    return made


@pytest.fixture
def odd(kafka: KafkaServer, kafka_prefix: str, broker: Broker) -> list[bytes]:
    """Write the odd records to the events topic; returns their bodies."""
    topic = f"{kafka_prefix}.order-events"
    for codec in CODECS:
        producer = a_producer(kafka, **{"compression.type": codec})
        for what, record in ODD.items():
            more: dict[str, Any] = {"key": b"ord-1", **record}
            producer.produce(topic, f"{what}, {codec}".encode(), **more)
        producer.produce(topic, None, b"a tombstone")
        assert producer.flush(20) == 0
    return [f"{what}, {codec}".encode() for codec in CODECS for what in ODD] + [b""] * len(CODECS)


def a_producer(kafka: KafkaServer, **settings: str) -> Producer:
    return Producer({**bootstrap(kafka), "message.max.bytes": LARGEST_KEPT, **settings})


def bodies(messages: Sequence[Message]) -> Counter[bytes]:
    return Counter(message.body for message in messages)


def bury(deliveries: Sequence[Delivery]) -> Counter[bytes]:
    for delivery in deliveries:
        delivery.dead_letter("odd")
    return bodies([delivery.message for delivery in deliveries])


def test_odd_records_become_dead_letters_that_can_be_redriven_and_discarded(
    broker: Broker, odd: list[bytes]
) -> None:
    publish(broker, behind := a_message())
    with broker.subscribe("email", prefetch=1000) as subscription:
        deliveries = take(subscription, len(odd) + 1)
        assert acked(deliveries[-1:]) == [behind]
        assert bury(deliveries[:-1]) == Counter(odd)
        letters = broker.dead_letters("email")
        assert bodies([letter.message for letter in letters.browse(1000)]) == Counter(odd)
        assert len(letters.redrive()) == len(odd)
        assert letters.browse(1) == []
        assert bury(take(subscription, len(odd))) == Counter(odd)
        handles = {letter.handle for letter in letters.browse(1000)}
        assert len(letters.discard(handles)) == len(odd)
        assert late(subscription) == []
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=0)


def test_odd_records_are_retried_like_others(broker: Broker, odd: list[bytes]) -> None:
    with broker.subscribe("email", prefetch=1000) as subscription:
        for delivery in take(subscription, len(odd)):
            delivery.retry(LADDER[0], Failure.now("refused"))
        assert bodies(late(subscription, quiet=1.0)) == Counter(odd)


def test_odd_records_do_not_block_a_replay(broker: Broker, odd: list[bytes]) -> None:
    publish(broker, behind := a_message())
    stored = list(broker.archive("email").read(Span()))
    assert bodies([event.message for event in stored]) == Counter([*odd, behind.body])
    assert ids([stored[-1].message]) == [behind.id]


def test_odd_records_in_the_dead_letter_topic_can_be_browsed_and_redriven(
    kafka: KafkaServer, kafka_prefix: str, broker: Broker
) -> None:
    producer = a_producer(kafka)
    topic = f"{kafka_prefix}.order-events.email-service.dlq"
    refused = ("no key", "a time far ahead")
    odd = {what: record for what, record in ODD.items() if what not in refused}
    for number, (what, record) in enumerate(odd.items()):
        more: dict[str, Any] = {**record, "key": record.get("key", f"key {number}".encode())}
        producer.produce(topic, what.encode(), **more)
    assert producer.flush(20) == 0
    expected = Counter(what.encode() for what in odd)
    letters = broker.dead_letters("email")
    assert bodies([letter.message for letter in letters.browse(1000)]) == expected
    assert len(letters.redrive()) == len(odd)
    assert bodies(drain(broker, "email", len(odd))) == expected
    assert letters.browse(1) == []
