"""What is Kafka's own: records on the wire, partitions that move, topics that differ."""

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import cast

import confluent_kafka
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from shared.errors import BrokerUnavailable, PublishFailed, QueuesMissing, SettingsError
from shared.transport import (
    Broker,
    Depth,
    Failure,
    Message,
    Publisher,
    connect,
)
from shared.transport.kafka.address import address
from shared.transport.kafka.subscription import KafkaSubscription
from tests import builders
from tests.conformance.steps import (
    a_message,
    acked,
    bury,
    drain,
    ids,
    late,
    messages,
    publish,
    take,
    take_one,
)
from tests.conformance.transports import LADDER
from tests.waiting import PATIENCE_SECONDS, eventually, stays
from tools.servers import KafkaServer

SERVICES = ("email", "sms")
PARTITIONS = 6


@pytest.fixture
def prefix(kafka_prefix: str) -> str:
    return kafka_prefix


@pytest.fixture
def broker(kafka: KafkaServer, prefix: str) -> Broker:
    made = connect(kafka.url(prefix, partitions=PARTITIONS), LADDER)
    made.declare(SERVICES)
    return made


def bootstrap(kafka: KafkaServer) -> dict[str, str | int | float | bool]:
    return {"bootstrap.servers": f"127.0.0.1:{kafka.port}", "log_level": 0}


def records(
    kafka: KafkaServer, topic: str, count: int
) -> list["confluent_kafka.Message[bytes, bytes]"]:
    """The first records of a topic, as any other consumer sees them."""
    reader = Consumer({**bootstrap(kafka), "group.id": "a-reader", "enable.auto.commit": False})
    partitions = reader.list_topics(topic, 5).topics[topic].partitions
    reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    found = reader.consume(count, 5)
    reader.close()
    assert [record.error() for record in found] == [None] * count
    return found


def headers(record: "confluent_kafka.Message[bytes, bytes]") -> dict[str, str]:
    found = cast(list[tuple[str, bytes]], record.headers() or [])
    return {name: value.decode() for name, value in found}


def test_an_event_travels_in_the_binary_mode_of_cloudevents(
    broker: Broker, kafka: KafkaServer, prefix: str
) -> None:
    message = a_message()
    publish(broker, message)
    (record,) = records(kafka, f"{prefix}.order-events", 1)
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


def test_a_dead_letter_says_why_how_often_and_from_where(
    broker: Broker, kafka: KafkaServer, prefix: str
) -> None:
    message = a_message()
    publish(broker, message)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[0], Failure.now("refused"))
        take_one(subscription).dead_letter("gave up after 2 attempts: refused")
    (first,) = records(kafka, f"{prefix}.order-events", 1)
    (record,) = records(kafka, f"{prefix}.order-events.email-service.dlq", 1)
    found = headers(record)
    assert found["x-reason"] == "gave up after 2 attempts: refused"
    assert (found["x-attempt"], found["x-first-failure"]) == ("2", "refused")
    assert found["x-original-topic"] == f"{prefix}.order-events"
    assert found["x-original-partition"] == str(first.partition())
    assert found["x-original-offset"] == str(first.offset())
    assert record.value() == message.body


def test_a_foreign_record_without_headers_arrives_with_its_key(
    broker: Broker, kafka: KafkaServer, prefix: str
) -> None:
    producer = Producer(bootstrap(kafka))
    producer.produce(f"{prefix}.order-events", b"{}", b"ord-1")
    assert producer.flush(5) == 0
    with broker.subscribe("email", prefetch=1) as subscription:
        received = take_one(subscription).message
    assert received == Message(id="", type="", source="", time="", key="ord-1", body=b"{}")


def test_orders_keep_their_order_and_partitions_share_the_load(
    broker: Broker, kafka: KafkaServer, prefix: str
) -> None:
    sent = messages(120)
    publish(broker, *sent, *sent)
    found = records(kafka, f"{prefix}.order-events", 240)
    assert len({record.partition() for record in found}) == PARTITIONS
    places = {record.key(): record.partition() for record in found}
    assert all(places[record.key()] == record.partition() for record in found)


def test_a_service_that_joins_late_receives_the_past_too(broker: Broker) -> None:
    sent = messages(20)
    publish(broker, *sent)
    broker.declare(["shipping"])
    assert broker.depth("shipping") == Depth(ready=20, retrying=0, dead=0)
    publish(broker, after := a_message())
    assert sorted(ids(drain(broker, "shipping", 21))) == sorted(ids([*sent, after]))


def test_a_service_that_joins_late_misses_nothing_since_the_oldest_event_that_is_kept(
    kafka: KafkaServer, kafka_url: str, prefix: str
) -> None:
    broker = connect(kafka_url, LADDER)
    broker.declare(["email"])
    began = datetime.now(UTC)
    assert began <= cast(datetime, broker.past()) <= datetime.now(UTC)
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (4, 5, 6)]
    publish(broker, *(builders.a_message(builders.an_event(time=day)) for day in days))
    assert broker.past() == days[0]
    too_old = [TopicPartition(f"{prefix}.order-events", 0, 1)]
    admin = AdminClient(bootstrap(kafka))
    for deleted in admin.delete_records(too_old).values():
        deleted.result(10)
    assert broker.past() == days[1]


class Worker:
    """A consumer that takes its time, several events at once, as services do."""

    def __init__(self, broker: Broker, *, work_s: float = 0.02, threads: int = 8) -> None:
        self.done: list[str] = []
        self._broker = broker
        self._work_s = work_s
        self._threads = threads
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def has_begun(self) -> bool:
        return len(self.done) > 50

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with (
            self._broker.subscribe("email", prefetch=self._threads) as subscription,
            ThreadPoolExecutor(self._threads) as workers,
        ):
            while not self._stop.is_set():
                for delivery in subscription.receive(self._threads, 0.1):
                    workers.submit(self._work, delivery.message.id, delivery.ack)
            workers.shutdown()

    def _work(self, event_id: str, ack: Callable[[], None]) -> None:
        time.sleep(self._work_s)
        ack()
        self.done.append(event_id)


def test_consumers_come_and_go_under_load_and_each_event_is_handled_once(broker: Broker) -> None:
    sent: list[Message] = []
    workers: list[Worker] = []
    try:
        with broker.publisher() as publisher:
            for leaves in (None, 1, 0):
                workers.append(Worker(broker))
                sent += _publish_until(publisher, workers[-1].has_begun)
                if leaves is not None:
                    workers[leaves].stop()
        eventually(lambda: broker.depth("email") == Depth(ready=0, retrying=0, dead=0))
    finally:
        for worker in workers:
            worker.stop()
    handled = Counter(event_id for worker in workers for event_id in worker.done)
    assert handled == Counter(ids(sent))


def _publish_until(publisher: Publisher, condition: Callable[[], bool]) -> list[Message]:
    """More than one worker manages, so that there is always something in work."""
    sent: list[Message] = []

    def publish_some() -> bool:
        batch = messages(20)
        publisher.publish(batch)
        sent.extend(batch)
        return condition()

    eventually(publish_some)
    return sent


def test_nothing_is_committed_past_an_event_that_is_not_finished(kafka_url: str) -> None:
    one = connect(kafka_url, LADDER)
    one.declare(["email"])
    sent = messages(10)
    publish(one, *sent)
    with one.subscribe("email", prefetch=10) as subscription:
        in_hand = take(subscription, 10)
        acked(in_hand[:3] + in_hand[4:])
        eventually(lambda: one.depth("email").ready == 7)
        stays(lambda: one.depth("email").ready == 7, for_seconds=0.5)
        in_hand[3].ack()
        eventually(lambda: one.depth("email").ready == 0)
    assert drain(one, "email", 0) == []


def test_a_handler_may_take_longer_than_kafka_lets_a_consumer_be_silent(
    kafka: KafkaServer, prefix: str
) -> None:
    patience = {"max.poll.interval.ms": 2_000}
    broker = connect(kafka.url(prefix, partitions=1, **patience), LADDER)
    broker.declare(["email"])
    publish(broker, *messages(2))
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        time.sleep(4.0)
        delivery.ack()
        take_one(subscription).ack()
        assert late(subscription) == []
    assert broker.depth("email").ready == 0


def test_a_partition_whose_work_does_not_end_goes_to_another_and_late_work_is_refused(
    broker: Broker, kafka: KafkaServer, prefix: str
) -> None:
    where = address(kafka.url(prefix), LADDER)
    delays = where.layout.delays("email")
    sent = messages(60)
    publish(broker, *sent)
    with KafkaSubscription(where, "email", delays, prefetch=60, revoke_patience=0.5) as first:
        in_hand = take(first, 60)
        with broker.subscribe("email", prefetch=100) as second:
            moved = take(second, 1)
            moved += second.receive(100, 1.0)
            ours = {delivery.message.id for delivery in moved}
            gone = next(each for each in in_hand if each.message.id in ours)
            with pytest.raises(BrokerUnavailable, match="no longer in"):
                gone.ack()
            # Told so, the first gives up everything, and whoever had it begins again.
            with pytest.raises(BrokerUnavailable):
                first.receive(1, 0.1)
            first.close()
            received = acked(moved) + late(second, quiet=2.0)
    assert sorted(ids(received)) == sorted(ids(sent))


def test_a_consumer_that_was_frozen_commits_nothing_of_what_it_has_lost(
    kafka: KafkaServer, prefix: str
) -> None:
    url = kafka.url(prefix, partitions=1)
    broker = connect(url, LADDER)
    broker.declare(["email"])
    sent = messages(6)
    publish(broker, *sent)
    here, there = _spawn.Pipe()
    frozen = _spawn.Process(target=_acknowledge_late, args=(url, there), daemon=True)
    frozen.start()
    try:
        assert here.poll(PATIENCE_SECONDS)
        assert here.recv() == "received"
        _signal(frozen, signal.SIGSTOP)
        # Longer than the session: the partition moves.
        assert ids(drain(broker, "email", 6)) == ids(sent)
        publish(broker, after := a_message())
        _signal(frozen, signal.SIGCONT)
        here.send("go on")
        assert here.poll(PATIENCE_SECONDS)
        assert here.recv() == "refused"
    finally:
        frozen.kill()
        frozen.join()
    assert drain(broker, "email", 1) == [after]


_spawn = multiprocessing.get_context("spawn")


def _signal(process: BaseProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)


def _acknowledge_late(url: str, parent: Connection) -> None:
    with connect(url, LADDER).subscribe("email", prefetch=6) as subscription:
        in_hand = take(subscription, 6)
        parent.send("received")
        assert parent.recv() == "go on"
        # That it has lost them it learns from its next heartbeat.
        with suppress(BrokerUnavailable):
            subscription.receive(1, 3.0)
        try:
            in_hand[0].ack()
        except BrokerUnavailable:
            parent.send("refused")
        else:
            parent.send("taken")


def test_two_operators_at_once_send_each_dead_letter_once(broker: Broker) -> None:
    sent = messages(30)
    bury(broker, "email", *sent)
    with ThreadPoolExecutor(4) as operators:
        letters = [operators.submit(broker.dead_letters("email").redrive) for _ in range(4)]
    redriven = [letter.handle for each in letters for letter in each.result()]
    assert sorted(redriven) == sorted(ids(sent))
    assert sorted(ids(drain(broker, "email", 30))) == sorted(ids(sent))


def alter(kafka: KafkaServer, topic: str, name: str, value: str) -> None:
    change = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
    admin = AdminClient(bootstrap(kafka))
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(10)


def test_a_topic_with_other_settings_is_reported_and_left_alone(
    broker: Broker, kafka: KafkaServer, prefix: str
) -> None:
    topic = f"{prefix}.order-events"
    alter(kafka, topic, "retention.ms", "3600000")
    eventually(lambda: broker.different(SERVICES) == [topic])
    difference = rf"retention\.ms is 3600000 and not 604800000 in {topic}\. Nothing was changed"
    with pytest.raises(SettingsError, match=difference):
        broker.declare(SERVICES)
    assert broker.different(SERVICES) == [topic]


def test_topics_of_before_the_last_version_are_reported_until_they_write_to_the_disk_first(
    broker: Broker, kafka: KafkaServer, prefix: str
) -> None:
    topic = f"{prefix}.order-events"
    alter(kafka, topic, "flush.messages", str(2**63 - 1))
    eventually(lambda: broker.different(SERVICES) == [topic])
    alter(kafka, topic, "flush.messages", "1")
    eventually(lambda: broker.different(SERVICES) == [])


def test_what_is_confirmed_is_on_the_disk(broker: Broker, kafka: KafkaServer, prefix: str) -> None:
    publish(broker, *messages(60))
    bury(broker, "email", *messages(1))
    dead, events = f"{prefix}.order-events.email-service.dlq", f"{prefix}.order-events"
    eventually(lambda: (kafka.flushed(events), kafka.flushed(dead)) == (61, 1))


def test_a_topic_with_other_partitions_is_reported(kafka: KafkaServer, prefix: str) -> None:
    connect(kafka.url(prefix, partitions=1), LADDER).declare(["email"])
    more = connect(kafka.url(prefix, partitions=2), LADDER)
    different: Sequence[str] = more.different(["email"])
    assert f"{prefix}.order-events" in different
    assert f"{prefix}.order-events.email-service.retry.200ms" in different
    # That has one in any case.
    assert f"{prefix}.order-events.email-service.dlq" not in different


def test_depth_names_the_topics_that_are_missing(broker: Broker) -> None:
    with pytest.raises(QueuesMissing, match=r"order-events\.shipping-service\.redrive"):
        broker.depth("shipping")


def test_a_message_that_is_too_large_is_refused_and_the_others_are_confirmed(
    broker: Broker,
) -> None:
    small, large = a_message(), a_message(b"x" * 5 * 1024 * 1024)
    with broker.publisher() as publisher, pytest.raises(PublishFailed) as failure:
        publisher.publish([small, large])
    assert failure.value.confirmed == {small.id}
    assert drain(broker, "email", 1) == [small]


def test_a_kill_of_the_broker_loses_nothing_that_was_confirmed(
    broker: Broker, kafka: KafkaServer
) -> None:
    sent = messages(200)
    publish(broker, *sent)
    kafka.kill()
    kafka.start()
    assert sorted(ids(drain(broker, "email", 200))) == sorted(ids(sent))
