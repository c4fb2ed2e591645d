"""Messages up to and over the size limit, and the memory that a backlog of them takes."""

import multiprocessing
import resource
import time
from multiprocessing.connection import Connection

from shared.transport import Broker, Depth, Failure, connect
from shared.transport.kafka.topics import LARGEST_KEPT, LARGEST_MESSAGE
from shared.transport.message import MAX_REASON
from tests.conformance.steps import a_message, publish, take, take_one
from tests.conformance.transports import LADDER
from tests.integration.kafka.declared import PARTITIONS
from tests.integration.kafka.outside import produce
from tests.waiting import PATIENCE_SECONDS
from tools.servers import KafkaServer


def test_a_message_of_the_maximum_size_is_retried_and_dead_lettered_whole(
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


def test_an_oversized_message_is_dead_lettered_without_its_body(
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
    assert "its body was not stored" in first.reason
    assert "not JSON" in second.reason
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=2)


_spawn = multiprocessing.get_context("spawn")


def test_a_backlog_of_large_orders_does_not_exhaust_memory(
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
        # A consumer's container has a limit of 192 MiB in all.
        assert here.recv() < 100 * 1024
    finally:
        consumer.kill()
        consumer.join()


def _hold_and_measure(url: str, parent: Connection) -> None:
    before = _resident_kib()
    with connect(url, LADDER).subscribe("email", prefetch=1) as subscription:
        take_one(subscription)
        # Time for the client to prefetch as much as it will.
        time.sleep(3.0)
        parent.send(_resident_kib() - before)


def _resident_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
