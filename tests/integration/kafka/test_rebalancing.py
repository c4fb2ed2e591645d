"""Partitions that move between running consumers."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.errors import BrokerUnavailable
from shared.transport import Broker, Depth, Message, Publisher, connect
from shared.transport.kafka.address import address
from shared.transport.kafka.subscription import KafkaSubscription
from tests.conformance.steps import acked, ids, late, messages, publish, take, take_one
from tests.conformance.transports import LADDER
from tests.waiting import eventually
from tools.servers import KafkaServer


class Worker:
    """A slow consumer that handles several events at the same time, as services do."""

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


def test_each_event_is_handled_once_while_consumers_join_and_leave(broker: Broker) -> None:
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
    """Publish faster than one worker can handle, so that events are always in progress."""
    sent: list[Message] = []

    def publish_some() -> bool:
        batch = messages(20)
        publisher.publish(batch)
        sent.extend(batch)
        return condition()

    eventually(publish_some)
    return sent


def test_a_handler_may_run_longer_than_the_maximum_poll_interval(
    kafka: KafkaServer, kafka_prefix: str
) -> None:
    patience = {"max.poll.interval.ms": 2_000}
    broker = connect(kafka.url(kafka_prefix, partitions=1, **patience), LADDER)
    broker.declare(["email"])
    publish(broker, *messages(2))
    with broker.subscribe("email", prefetch=1) as subscription:
        delivery = take_one(subscription)
        time.sleep(4.0)
        delivery.ack()
        take_one(subscription).ack()
        assert late(subscription) == []
    assert broker.depth("email").ready == 0


def test_a_partition_with_unfinished_work_moves_and_late_acks_are_refused(
    broker: Broker, kafka: KafkaServer, kafka_prefix: str
) -> None:
    where = address(kafka.url(kafka_prefix), LADDER)
    delays = where.layout.delays("email")
    sent = messages(60)
    publish(broker, *sent)
    with KafkaSubscription(where, "email", delays, prefetch=60, revoke_patience=0.5) as first:
        deliveries = take(first, 60)
        with broker.subscribe("email", prefetch=100) as second:
            moved = take(second, 1)
            moved += second.receive(100, 1.0)
            ours = {delivery.message.id for delivery in moved}
            gone = next(each for each in deliveries if each.message.id in ours)
            with pytest.raises(BrokerUnavailable, match="no longer belongs"):
                gone.ack()
            # After that error the first consumer gives up all its partitions.
            with pytest.raises(BrokerUnavailable):
                first.receive(1, 0.1)
            first.close()
            received = acked(moved) + late(second, quiet=2.0)
    assert sorted(ids(received)) == sorted(ids(sent))
