"""A Kafka topic with several partitions, for two services."""

import pytest

from shared.transport import Broker, connect
from tests.conformance.transports import LADDER
from tests.integration.kafka.declared import PARTITIONS, SERVICES
from tools.servers import KafkaServer


@pytest.fixture
def broker(kafka: KafkaServer, kafka_prefix: str) -> Broker:
    made = connect(kafka.url(kafka_prefix, partitions=PARTITIONS), LADDER)
    made.declare(SERVICES)
    return made
