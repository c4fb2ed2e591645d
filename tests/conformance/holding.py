"""A consumer in a separate process, which receives messages and does not settle them."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from shared.transport import Broker
from tests.conformance.steps import take
from tests.waiting import PATIENCE_SECONDS

#: A forked child would inherit this process's connections.
_spawn = multiprocessing.get_context("spawn")


@contextmanager
def holder(connect: Callable[[], Broker], service: str, count: int) -> Iterator[BaseProcess]:
    """A process that holds `count` unacknowledged messages. It never outlives the test."""
    here, there = _spawn.Pipe()
    process = _spawn.Process(target=_hold, args=(connect, service, count, there), daemon=True)
    process.start()
    there.close()
    try:
        assert here.poll(PATIENCE_SECONDS)
        assert here.recv() == "received"
        yield process
    finally:
        process.kill()
        process.join()


def _hold(connect: Callable[[], Broker], service: str, count: int, parent: Connection) -> None:
    with connect().subscribe(service, prefetch=count) as subscription:
        take(subscription, count)
        parent.send("received")
        time.sleep(10 * PATIENCE_SECONDS)
