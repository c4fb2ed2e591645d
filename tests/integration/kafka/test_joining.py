"""Services that join after events have been published."""

from datetime import UTC, datetime
from typing import cast

from shared.transport import Broker, Depth, connect
from tests import builders
from tests.conformance.steps import a_message, drain, ids, messages, publish
from tests.conformance.transports import LADDER
from tests.integration.kafka.outside import delete_before
from tools.servers import KafkaServer


def test_a_service_that_joins_late_receives_past_events(broker: Broker) -> None:
    sent = messages(20)
    publish(broker, *sent)
    broker.declare(["shipping"])
    assert broker.depth("shipping") == Depth(ready=20, retrying=0, dead=0)
    publish(broker, after := a_message())
    assert sorted(ids(drain(broker, "shipping", 21))) == sorted(ids([*sent, after]))


def test_past_is_the_time_of_the_oldest_retained_event(
    kafka: KafkaServer, kafka_url: str, kafka_prefix: str
) -> None:
    broker = connect(kafka_url, LADDER)
    broker.declare(["email"])
    began = datetime.now(UTC)
    assert began <= cast(datetime, broker.past()) <= datetime.now(UTC)
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (4, 5, 6)]
    publish(broker, *(builders.a_message(builders.an_event(time=day)) for day in days))
    assert broker.past() == days[0]
    delete_before(kafka, f"{kafka_prefix}.order-events", 1)
    assert broker.past() == days[1]
