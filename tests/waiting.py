"""Waiting in tests: for what must come, and for nothing more."""

import time
from collections.abc import Callable

#: Only a test that fails waits for this long.
PATIENCE_SECONDS = 20.0
#: Between two looks: what comes at once is seen at once, and a long wait costs little.
FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.1


def eventually(
    condition: Callable[[], object], what: str = "it", *, within: float = PATIENCE_SECONDS
) -> None:
    """Poll until the condition holds; fail saying what did not come in time."""
    deadline, pause = time.monotonic() + within, FIRST_PAUSE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {within:g} s"
        time.sleep(pause)
        pause = min(1.2 * pause, LONGEST_PAUSE_SECONDS)


def stays(condition: Callable[[], object], *, for_seconds: float = 0.3) -> None:
    """Fail as soon as the condition does not hold: shows that nothing comes late."""
    deadline = time.monotonic() + for_seconds
    while time.monotonic() < deadline:
        assert condition()
        time.sleep(0.01)
