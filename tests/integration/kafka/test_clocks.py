"""Timestamps in the future, and replays from before 1970."""

import time
from datetime import UTC, datetime

from confluent_kafka import Producer

from shared.transport import Broker, Span
from tests.conformance.steps import drain, ids, messages, publish
from tests.integration.kafka.outside import bootstrap
from tools.servers import KafkaServer


def test_an_event_with_a_timestamp_in_the_future_is_delivered_at_once(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    producer = Producer(bootstrap(kafka))
    in_half_an_hour = round((time.time() + 1800) * 1000)
    producer.produce(f"{kafka_prefix}.order-events", b"{}", b"ord-1", timestamp=in_half_an_hour)
    assert producer.flush(5) == 0
    assert [message.body for message in drain(broker, "email", 1)] == [b"{}"]


def test_a_replay_from_before_1970_begins_with_the_oldest_event(broker: Broker) -> None:
    sent = messages(3)
    publish(broker, *sent)
    long_ago = datetime(1960, 1, 1, tzinfo=UTC)
    found = [stored.message.id for stored in broker.archive("email").read(Span(long_ago))]
    assert sorted(found) == sorted(ids(sent))
    assert list(broker.archive("email").read(Span(None, long_ago))) == []
