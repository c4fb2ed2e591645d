"""What goes wrong around Kafka: foreign messages, clocks, changed settings, operators that die."""

import multiprocessing
import re
import resource
import threading
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from shared.errors import BrokerUnavailable, QueuesMissing
from shared.transport import Broker, Depth, Failure, Span, connect
from shared.transport.kafka.address import address
from shared.transport.kafka.assigned_partitions import AssignedPartitions
from shared.transport.kafka.dead_letters import KafkaDeadLetters, Kept
from shared.transport.kafka.group_member import Member
from shared.transport.kafka.producer import Sender
from shared.transport.kafka.topics import LARGEST_KEPT, LARGEST_MESSAGE
from shared.transport.message import MAX_REASON
from tests.conformance.steps import (
    a_message,
    acked,
    bury,
    drain,
    ids,
    messages,
    publish,
    take,
    take_one,
)
from tests.conformance.transports import LADDER
from tests.integration.test_kafka import bootstrap
from tests.waiting import PATIENCE_SECONDS, eventually
from tools.servers import KafkaServer

PARTITIONS = 6
_spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def broker(kafka: KafkaServer, kafka_prefix: str) -> Broker:
    made = connect(kafka.url(kafka_prefix, partitions=PARTITIONS), LADDER)
    made.declare(["email"])
    return made


def produce(kafka: KafkaServer, topic: str, *bodies: bytes, **settings: str) -> None:
    """What somebody else may send, who knows nothing of our limits and headers."""
    producer = Producer({**bootstrap(kafka), "message.max.bytes": 32 * 1024 * 1024, **settings})
    for body in bodies:
        producer.produce(topic, body, b"ord-1")
    assert producer.flush(10) == 0


def test_a_foreign_message_as_large_as_a_topic_takes_is_retried_and_dead_lettered_whole(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    body = b"x" * (LARGEST_MESSAGE - 200)
    produce(kafka, f"{kafka_prefix}.order-events", body)
    with broker.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(LADDER[0], Failure.now("ü" * MAX_REASON))
        take_one(subscription).dead_letter("ü" * MAX_REASON)
    (letter,) = broker.dead_letters("email").browse(1)
    assert letter.message.body == body
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=1)


def test_a_message_that_is_too_large_for_any_topic_is_a_dead_letter_and_holds_up_nothing(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    topic = f"{kafka_prefix}.order-events"
    produce(
        kafka,
        topic,
        b"x" * 3 * LARGEST_KEPT,
        b"y" * 3 * LARGEST_KEPT,
        **{"compression.type": "gzip"},
    )
    with broker.subscribe("email", prefetch=2) as subscription:
        to_retry, to_bury = take(subscription, 2)
        to_retry.retry(LADDER[0], Failure.now("refused"))
        to_bury.dead_letter("not JSON")
    first, second = broker.dead_letters("email").browse(2)
    assert (first.message.body, second.message.body) == (b"", b"")
    assert "its body was not kept" in first.reason
    assert "not JSON" in second.reason
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=2)


def test_a_dead_letter_without_a_body_is_no_tombstone(broker: Broker) -> None:
    bury(broker, "email", message := a_message(b""))
    assert [letter.message for letter in broker.dead_letters("email").browse(2)] == [message]


def test_what_waits_on_a_rung_comes_after_the_ladder_was_changed(
    kafka: KafkaServer, kafka_prefix: str
) -> None:
    before = connect(kafka.url(kafka_prefix, partitions=1), (0.2, 0.4))
    before.declare(["email"])
    publish(before, message := a_message())
    with before.subscribe("email", prefetch=1) as subscription:
        take_one(subscription).retry(0.2, failure := Failure.now("refused"))
    after = connect(kafka.url(kafka_prefix, partitions=1), (0.3, 0.4))
    after.declare(["email"])
    assert after.depth("email") == Depth(ready=0, retrying=1, dead=0)
    assert drain(after, "email", 1) == [message.failed(failure)]


def test_an_event_of_a_clock_that_is_ahead_is_delivered_at_once(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    producer = Producer(bootstrap(kafka))
    in_half_an_hour = round((time.time() + 1800) * 1000)
    producer.produce(f"{kafka_prefix}.order-events", b"{}", b"ord-1", timestamp=in_half_an_hour)
    assert producer.flush(5) == 0
    assert [message.body for message in drain(broker, "email", 1)] == [b"{}"]


def test_what_was_deleted_before_it_was_read_is_reported(
    kafka: KafkaServer, kafka_prefix: str, kafka_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = connect(kafka_url, LADDER)
    broker.declare(["email"])
    sent = messages(9)
    publish(broker, *sent)
    with broker.subscribe("email", prefetch=2) as subscription:
        acked(take(subscription, 2))
    capsys.readouterr()
    too_old = [TopicPartition(f"{kafka_prefix}.order-events", 0, 6)]
    admin = AdminClient(bootstrap(kafka))
    for deleted in admin.delete_records(too_old).values():
        deleted.result(10)
    assert drain(broker, "email", 3) == sent[6:]
    said = [line for line in capsys.readouterr().out.splitlines() if "events.gone" in line]
    assert len(said) == 1
    assert "count=4" in re.sub(r"\x1b\[[0-9;]*m", "", said[0])


def test_a_backlog_of_large_orders_does_not_fill_the_memory(
    kafka: KafkaServer, kafka_prefix: str
) -> None:
    url = kafka.url(kafka_prefix, partitions=PARTITIONS)
    connect(url, LADDER).declare(["email"])
    for _ in range(10):
        publish(connect(url, LADDER), *(a_message(b"x" * 64_000) for _ in range(500)))
    here, there = _spawn.Pipe()
    consumer = _spawn.Process(target=_hold_and_measure, args=(url, there), daemon=True)
    consumer.start()
    try:
        assert here.poll(PATIENCE_SECONDS)
        # All that the containers of consumers may have is 192 MiB.
        assert here.recv() < 100 * 1024
    finally:
        consumer.kill()
        consumer.join()


def _hold_and_measure(url: str, parent: Connection) -> None:
    before = _resident_kib()
    with connect(url, LADDER).subscribe("email", prefetch=1) as subscription:
        take_one(subscription)
        # Time to fetch what it would fetch.
        time.sleep(3.0)
        parent.send(_resident_kib() - before)


def _resident_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_redrive_whose_operator_is_killed_in_the_middle_loses_nothing(
    kafka: KafkaServer, kafka_prefix: str
) -> None:
    url = kafka.url(kafka_prefix, partitions=1)
    broker = connect(url, LADDER)
    broker.declare(["email"])
    sent = messages(5)
    bury(broker, "email", *sent)
    here, there = _spawn.Pipe()
    operator = _spawn.Process(target=_redrive_and_hang, args=(url, there), daemon=True)
    operator.start()
    try:
        assert here.poll(PATIENCE_SECONDS)
        assert here.recv() == "sent"
    finally:
        operator.kill()
        operator.join()
    assert broker.depth("email") == Depth(ready=5, retrying=0, dead=5)
    # The lock opens when the session of the dead one is over.
    assert len(broker.dead_letters("email").redrive()) == 5
    assert broker.depth("email") == Depth(ready=10, retrying=0, dead=0)
    assert Counter(ids(drain(broker, "email", 10))) == Counter([*ids(sent), *ids(sent)])


class _Hanging(KafkaDeadLetters):
    def __init__(self, url: str, parent: Connection) -> None:
        super().__init__(address(url, LADDER), "email")
        self._parent = parent

    def _remove(self, sender: Sender, chosen: Mapping[bytes, Kept]) -> None:
        self._parent.send("sent")
        time.sleep(PATIENCE_SECONDS)
        super()._remove(sender, chosen)


def _redrive_and_hang(url: str, parent: Connection) -> None:
    _Hanging(url, parent).redrive()


def test_a_replay_from_before_all_clocks_begins_with_the_oldest(broker: Broker) -> None:
    sent = messages(3)
    publish(broker, *sent)
    long_ago = datetime(1960, 1, 1, tzinfo=UTC)
    found = [stored.message.id for stored in broker.archive("email").read(Span(long_ago))]
    assert sorted(found) == sorted(ids(sent))
    assert list(broker.archive("email").read(Span(None, long_ago))) == []


def test_a_thread_that_hangs_and_asks_for_nothing_more_is_told(kafka_url: str) -> None:
    connect(kafka_url, LADDER).declare(["email"])
    where, changed = address(kafka_url, LADDER), threading.Condition()
    delays = where.layout.delays("email")
    member = Member(where, "email", delays, AssignedPartitions(delays), changed, silence=0.2)
    eventually(lambda: member.trouble() is None)
    with changed:
        eventually(lambda: "has hung for" in (member.trouble() or ""))
    eventually(lambda: member.trouble() is None)
    member.close()


def test_dead_letters_of_a_service_that_has_no_topics_are_not_an_outage(broker: Broker) -> None:
    letters = broker.dead_letters("shipping")
    for ask in (lambda: letters.browse(1), letters.redrive, letters.discard):
        with pytest.raises(QueuesMissing, match=r"order-events\.shipping-service\.dlq"):
            ask()


def test_a_failed_login_is_told(kafka: KafkaServer) -> None:
    # The test's broker knows no logins at all.
    login = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN"}
    query = "&".join(f"{name}={value}" for name, value in login.items())
    broker = connect(f"kafka://shop:secret@127.0.0.1:{kafka.port}?{query}", LADDER)
    for ask in (lambda: broker.missing(["email"]), broker.dead_letters("email").redrive):
        with pytest.raises(BrokerUnavailable, match="SASL PLAIN mechanism handshake") as caught:
            ask()
        assert "secret" not in str(caught.value)
