"""Dead letters: empty ones, redrives at the same time, and a crash during a redrive."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import pytest

from shared.errors import QueuesMissing
from shared.transport import Broker, Depth, connect
from shared.transport.kafka.address import address
from shared.transport.kafka.dead_letters import KafkaDeadLetters, Kept
from shared.transport.kafka.producer import Sender
from tests.conformance.steps import a_message, bury, drain, ids, messages
from tests.conformance.transports import LADDER
from tests.waiting import PATIENCE_SECONDS
from tools.servers import KafkaServer


def test_a_dead_letter_with_an_empty_body_is_not_a_tombstone(broker: Broker) -> None:
    bury(broker, "email", message := a_message(b""))
    assert [letter.message for letter in broker.dead_letters("email").browse(2)] == [message]


def test_missing_dead_letter_topics_are_not_reported_as_an_outage(broker: Broker) -> None:
    letters = broker.dead_letters("shipping")
    for ask in (lambda: letters.browse(1), letters.redrive, letters.discard):
        with pytest.raises(QueuesMissing, match=r"order-events\.shipping-service\.dlq"):
            ask()


def test_a_redrive_killed_half_way_loses_nothing(kafka: KafkaServer, kafka_prefix: str) -> None:
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
    # The lock is released when the killed operator's session times out.
    assert len(broker.dead_letters("email").redrive()) == 5
    assert broker.depth("email") == Depth(ready=10, retrying=0, dead=0)
    assert Counter(ids(drain(broker, "email", 10))) == Counter([*ids(sent), *ids(sent)])


_spawn = multiprocessing.get_context("spawn")


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


def test_concurrent_redrives_send_each_dead_letter_once(broker: Broker) -> None:
    sent = messages(30)
    bury(broker, "email", *sent)
    with ThreadPoolExecutor(4) as operators:
        letters = [operators.submit(broker.dead_letters("email").redrive) for _ in range(4)]
    redriven = [letter.handle for each in letters for letter in each.result()]
    assert sorted(redriven) == sorted(ids(sent))
    assert sorted(ids(drain(broker, "email", 30))) == sorted(ids(sent))
