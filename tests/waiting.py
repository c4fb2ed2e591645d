"""Polling with a deadline: until a condition holds, or to check that it keeps holding."""

import time
from collections.abc import Callable

#: Only a failing test waits this long.
PATIENCE_SECONDS = 20.0


def eventually(condition: Callable[[], object], *, within: float = PATIENCE_SECONDS) -> None:
    """Poll until the condition holds; fail after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.01)


def stays(condition: Callable[[], object], *, for_seconds: float = 0.3) -> None:
    """Fail as soon as the condition does not hold, for example because of a late duplicate."""
    deadline = time.monotonic() + for_seconds
    while time.monotonic() < deadline:
        assert condition()
        time.sleep(0.01)
