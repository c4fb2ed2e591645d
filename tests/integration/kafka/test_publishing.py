"""Confirmed events are on disk and survive a crash of the broker."""

import pytest

from shared.errors import PublishFailed
from shared.transport import Broker
from tests.conformance.steps import a_message, bury, drain, ids, messages, publish
from tests.waiting import eventually
from tools.servers import KafkaServer


def test_confirmed_events_are_on_disk(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    publish(broker, *messages(60))
    bury(broker, "email", *messages(1))
    dead, events = f"{kafka_prefix}.order-events.email-service.dlq", f"{kafka_prefix}.order-events"
    eventually(lambda: (kafka.flushed(events), kafka.flushed(dead)) == (61, 1))


def test_an_oversized_message_is_refused_and_the_others_are_confirmed(
    broker: Broker,
) -> None:
    small, large = a_message(), a_message(b"x" * 5 * 1024 * 1024)
    with broker.publisher() as publisher, pytest.raises(PublishFailed) as failure:
        publisher.publish([small, large])
    assert failure.value.confirmed == {small.id}
    assert drain(broker, "email", 1) == [small]


def test_a_killed_broker_loses_no_confirmed_event(broker: Broker, kafka: KafkaServer) -> None:
    sent = messages(200)
    publish(broker, *sent)
    kafka.kill()
    kafka.start()
    assert sorted(ids(drain(broker, "email", 200))) == sorted(ids(sent))
