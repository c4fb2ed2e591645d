"""Topics whose settings differ, and topics that are missing."""

from collections.abc import Sequence

import pytest

from shared.errors import QueuesMissing, SettingsError
from shared.transport import Broker, connect
from tests.conformance.transports import LADDER
from tests.integration.kafka.declared import SERVICES
from tests.integration.kafka.outside import alter
from tests.waiting import eventually
from tools.servers import KafkaServer


def test_a_topic_with_other_settings_is_reported_and_not_changed(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    topic = f"{kafka_prefix}.order-events"
    alter(kafka, topic, "retention.ms", "3600000")
    eventually(lambda: broker.different(SERVICES) == [topic])
    difference = rf"retention\.ms is 3600000, not 604800000 in {topic}\. Nothing was changed"
    with pytest.raises(SettingsError, match=difference):
        broker.declare(SERVICES)
    assert broker.different(SERVICES) == [topic]


def test_a_topic_that_does_not_flush_each_message_is_reported(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    topic = f"{kafka_prefix}.order-events"
    alter(kafka, topic, "flush.messages", str(2**63 - 1))
    eventually(lambda: broker.different(SERVICES) == [topic])
    alter(kafka, topic, "flush.messages", "1")
    eventually(lambda: broker.different(SERVICES) == [])


def test_a_topic_with_another_number_of_partitions_is_reported(
    kafka: KafkaServer, kafka_prefix: str
) -> None:
    connect(kafka.url(kafka_prefix, partitions=1), LADDER).declare(["email"])
    more = connect(kafka.url(kafka_prefix, partitions=2), LADDER)
    different: Sequence[str] = more.different(["email"])
    assert f"{kafka_prefix}.order-events" in different
    assert f"{kafka_prefix}.order-events.email-service.retry.200ms" in different
    # The dead letter topic always has one partition.
    assert f"{kafka_prefix}.order-events.email-service.dlq" not in different


def test_depth_names_the_topics_that_are_missing(broker: Broker) -> None:
    with pytest.raises(QueuesMissing, match=r"order-events\.shipping-service\.redrive"):
        broker.depth("shipping")
