"""Polling with a deadline: until a condition holds, or to check that it keeps holding."""

import time
from collections.abc import Callable
from typing import TypeVar

from shared.errors import BrokerUnavailable

T = TypeVar("T")
#: Only a failing test waits this long.
PATIENCE_SECONDS = 20.0
#: Seconds between polls: short at first, and longer during a long wait, which is cheaper.
FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.1


def eventually(
    condition: Callable[[], object], what: str = "it", *, within: float = PATIENCE_SECONDS
) -> None:
    """Poll until the condition holds; after `within` seconds, fail and name `what`."""
    deadline, pause = time.monotonic() + within, FIRST_PAUSE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {within:g} s"
        time.sleep(pause)
        pause = min(1.2 * pause, LONGEST_PAUSE_SECONDS)


def stays(condition: Callable[[], object], *, for_seconds: float = 0.3) -> None:
    """Fail as soon as the condition does not hold, for example because of a late duplicate."""
    deadline = time.monotonic() + for_seconds
    while time.monotonic() < deadline:
        assert condition()
        time.sleep(0.01)


def once_available(action: Callable[[], T], *, within: float = PATIENCE_SECONDS) -> T:
    """Repeat the action until it raises no BrokerUnavailable. After a restart, RabbitMQ accepts
    connections before each of its queues and streams is there.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return action()
        except BrokerUnavailable:
            assert time.monotonic() < deadline, f"not available within {within:g} s"
            time.sleep(LONGEST_PAUSE_SECONDS)
