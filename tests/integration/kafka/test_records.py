"""Records: their headers, keys and partitions."""

from confluent_kafka import Producer

from shared.transport import Broker, Failure, Message
from tests.conformance.steps import a_message, messages, publish, take_one
from tests.conformance.transports import LADDER
from tests.integration.kafka.declared import PARTITIONS
from tests.integration.kafka.outside import bootstrap, headers, records
from tools.servers import KafkaServer


def test_an_event_is_written_in_cloudevents_binary_mode(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    message = a_message()
    publish(broker, message)
    (record,) = records(kafka, f"{kafka_prefix}.order-events", 1)
    assert (record.key(), record.value()) == (message.key.encode(), message.body)
    assert headers(record) == {
        "ce_specversion": "1.0",
        "ce_id": message.id,
        "ce_type": message.type,
        "ce_source": message.source,
        "ce_time": message.time,
        "ce_partitionkey": message.key,
        "content-type": "application/json",
        "traceparent": message.traceparent,
        "x-attempt": "1",
    }


def test_a_dead_letter_has_its_reason_attempt_and_origin(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[0], Failure.now("refused"))
        take_one(subscription).dead_letter("gave up after 2 attempts: refused")
    (first,) = records(kafka, f"{kafka_prefix}.order-events", 1)
    (record,) = records(kafka, f"{kafka_prefix}.order-events.email-service.dlq", 1)
    found = headers(record)
    assert found["x-reason"] == "gave up after 2 attempts: refused"
    assert (found["x-attempt"], found["x-first-failure"]) == ("2", "refused")
    assert found["x-original-topic"] == f"{kafka_prefix}.order-events"
    assert found["x-original-partition"] == str(first.partition())
    assert found["x-original-offset"] == str(first.offset())
    assert record.value() == message.body


def test_a_foreign_record_without_headers_arrives_with_its_key(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    producer = Producer(bootstrap(kafka))
    producer.produce(f"{kafka_prefix}.order-events", b"{}", b"ord-1")
    assert producer.flush(5) == 0
    with broker.subscribe("email", prefetch=1) as subscription:
        received = take_one(subscription).message
    assert received == Message(id="", type="", source="", time="", key="ord-1", body=b"{}")


def test_events_with_one_key_share_a_partition_and_all_partitions_are_used(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    sent = messages(120)
    publish(broker, *sent, *sent)
    found = records(kafka, f"{kafka_prefix}.order-events", 240)
    assert len({record.partition() for record in found}) == PARTITIONS
    places = {record.key(): record.partition() for record in found}
    assert all(places[record.key()] == record.partition() for record in found)
