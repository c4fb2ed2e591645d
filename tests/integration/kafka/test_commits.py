"""Offsets are committed up to the first unfinished event, and only by the partition's owner."""

import multiprocessing
import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from shared.errors import BrokerUnavailable
from shared.transport import connect
from tests.conformance.steps import a_message, acked, drain, ids, messages, publish, take
from tests.conformance.transports import LADDER
from tests.waiting import PATIENCE_SECONDS, eventually, stays
from tools.servers import KafkaServer


def test_no_offset_is_committed_past_an_unfinished_event(kafka_url: str) -> None:
    one = connect(kafka_url, LADDER)
    one.declare(["email"])
    sent = messages(10)
    publish(one, *sent)
    with one.subscribe("email", prefetch=10) as subscription:
        deliveries = take(subscription, 10)
        acked(deliveries[:3] + deliveries[4:])
        eventually(lambda: one.depth("email").ready == 7)
        stays(lambda: one.depth("email").ready == 7, for_seconds=0.5)
        deliveries[3].ack()
        eventually(lambda: one.depth("email").ready == 0)
    assert drain(one, "email", 0) == []


def test_a_frozen_consumer_commits_nothing_on_partitions_it_has_lost(
    kafka: KafkaServer, kafka_prefix: str
) -> None:
    url = kafka.url(kafka_prefix, partitions=1)
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
        # This takes longer than the session timeout, so the partition moves.
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
        deliveries = take(subscription, 6)
        parent.send("received")
        assert parent.recv() == "go on"
        # The consumer learns from its next heartbeat that it has lost the partition.
        with suppress(BrokerUnavailable):
            subscription.receive(1, 3.0)
        try:
            deliveries[0].ack()
        except BrokerUnavailable:
            parent.send("refused")
        else:
            parent.send("taken")
