"""Waiting in tests: for what must come, and for nothing more."""

import time
from collections.abc import Callable

#: Only a test that fails waits for this long.
PATIENCE_SECONDS = 20.0


def eventually(condition: Callable[[], object], *, within: float = PATIENCE_SECONDS) -> None:
    """Poll until the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.01)


def stays(condition: Callable[[], object], *, for_seconds: float = 0.3) -> None:
    """Fail as soon as the condition does not hold: shows that nothing comes late."""
    deadline = time.monotonic() + for_seconds
    while time.monotonic() < deadline:
        assert condition()
        time.sleep(0.01)
