"""Several processes on the embedded broker's file, including processes that are killed."""

import multiprocessing
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Barrier

import pytest

from shared.errors import BrokerUnavailable
from shared.transport import Depth, Message
from shared.transport.embedded.broker import EmbeddedBroker
from tests.conformance.holding import holder
from tests.conformance.steps import a_message, acked, drain, ids, messages, publish, take
from tests.waiting import PATIENCE_SECONDS

_spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'broker.db'}"


@pytest.fixture
def broker(url: str) -> EmbeddedBroker:
    broker = EmbeddedBroker(url)
    broker.declare(["email"])
    return broker


def test_four_processes_publish_and_consume_without_loss_or_duplicates(
    url: str, broker: EmbeddedBroker
) -> None:
    with _spawn.Pool(4) as pool:
        shares = pool.starmap(_publish_and_consume, [(url, 2_000 // 4)] * 4, chunksize=1)
    sent = [sent for share, _ in shares for sent in share]
    received = [received for _, share in shares for received in share]
    assert len(set(sent)) == 2_000
    assert sorted(received) == sorted(sent)
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=0)


def _publish_and_consume(url: str, count: int) -> tuple[Sequence[str], Sequence[str]]:
    """Publish and consume small batches in one process, so that many transactions meet.

    Any error, "database is locked" above all, ends it and fails the test.
    """
    broker = EmbeddedBroker(url)
    sent, received = messages(count), list[Message]()
    with broker.publisher() as publisher, broker.subscribe("email", prefetch=20) as subscription:
        for start in range(0, count, 5):
            publisher.publish(sent[start : start + 5])
            received += acked(subscription.receive(7, 0))
        while deliveries := subscription.receive(7, 2.0):
            received += acked(deliveries)
    return ids(sent), ids(received)


def test_processes_that_declare_at_the_same_time_all_succeed(url: str) -> None:
    together = _spawn.Barrier(4)
    processes = [_spawn.Process(target=_declare, args=(url, together)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]


def _declare(url: str, together: Barrier) -> None:
    """Declare one new file after the other, each at the same moment as the other processes."""
    for number in range(50):
        broker = EmbeddedBroker(f"{url}.{number}")
        together.wait(PATIENCE_SECONDS)
        broker.declare(["email", "sms"])
        assert not broker.missing(["email", "sms"])


class Endless(list[Message]):
    """A batch that never ends."""

    def __init__(self, batch: Sequence[Message], parent: Connection) -> None:
        super().__init__(batch)
        self._parent = parent

    def __iter__(self) -> Iterator[Message]:
        yield from super().__iter__()
        self._parent.send("inside")
        time.sleep(10 * PATIENCE_SECONDS)


@pytest.fixture
def publisher_inside_its_transaction(url: str, broker: EmbeddedBroker) -> Iterator[BaseProcess]:
    here, there = _spawn.Pipe()
    process = _spawn.Process(target=_publish_without_end, args=(url, there), daemon=True)
    process.start()
    there.close()
    assert here.poll(PATIENCE_SECONDS)
    assert here.recv() == "inside"
    yield process
    process.kill()
    process.join()


def _publish_without_end(url: str, parent: Connection) -> None:
    with EmbeddedBroker(url).publisher() as publisher:
        publisher.publish(Endless(messages(100), parent))


def test_a_publisher_killed_inside_its_transaction_leaves_nothing(
    broker: EmbeddedBroker, publisher_inside_its_transaction: BaseProcess
) -> None:
    publisher_inside_its_transaction.kill()
    publisher_inside_its_transaction.join()
    assert publisher_inside_its_transaction.exitcode == -signal.SIGKILL
    message = a_message()
    publish(broker, message)
    assert drain(broker, "email", 1) == [message]


def test_a_writer_that_never_ends_makes_the_broker_unavailable_to_other_writers(
    broker: EmbeddedBroker, publisher_inside_its_transaction: BaseProcess
) -> None:
    message = a_message()
    with broker.publisher() as publisher:
        with pytest.raises(BrokerUnavailable, match=r"broker\.db: database is locked") as failure:
            publisher.publish([message])
        assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
        # Readers do not wait for writers.
        assert broker.depth("email") == Depth(ready=0, retrying=0, dead=0)
        publisher_inside_its_transaction.kill()
        publisher_inside_its_transaction.join()
        publisher.publish([message])
    assert drain(broker, "email", 1) == [message]


def test_leases_and_acks_survive_a_writer_that_blocks_longer_than_a_lease(
    url: str, tmp_path: Path
) -> None:
    broker = EmbeddedBroker(url, lease=0.5)
    broker.declare(["email"])
    publish(broker, *messages(2))
    with (
        broker.subscribe("email", prefetch=2) as subscription,
        closing(sqlite3.connect(tmp_path / "broker.db", check_same_thread=False)) as blocking,
    ):
        done, held = take(subscription, 2)
        blocking.execute("BEGIN IMMEDIATE")
        threading.Timer(1.0, blocking.rollback).start()
        done.ack()
        assert not subscription.receive(2, 2.0)
        held.dead_letter("it is still mine")
    assert broker.depth("email") == Depth(ready=0, retrying=0, dead=1)


def test_consumers_killed_one_after_another_lose_nothing(url: str) -> None:
    connect = partial(EmbeddedBroker, url, lease=0.5)
    broker = connect()
    broker.declare(["email"])
    sent = messages(10)
    publish(broker, *sent)
    for _ in range(3):
        with holder(connect, "email", 10) as process:
            process.kill()
    received = drain(broker, "email", 10, quiet=1.0)
    assert sorted(ids(received)) == sorted(ids(sent))


def test_a_full_disk_refuses_publishes_and_keeps_confirmed_messages(
    url: str, broker: EmbeddedBroker
) -> None:
    with _spawn.Pool(1) as pool:
        confirmed, refusal = pool.apply(_publish_until_refused, (url,))
    assert "broker.db" in refusal
    assert len(confirmed) > 0
    assert ids(drain(broker, "email", len(confirmed))) == confirmed


def _publish_until_refused(url: str) -> tuple[Sequence[str], str]:
    """Limit files to 2 MiB, which SQLite takes for a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 1024 * 1024, resource.RLIM_INFINITY))
    confirmed: list[str] = []
    with EmbeddedBroker(url).publisher() as publisher:
        while True:
            message = a_message(b"x" * 100_000)
            try:
                publisher.publish([message])
            except BrokerUnavailable as error:
                return confirmed, str(error)
            confirmed.append(message.id)
