"""Ends the processes of a stack when the one that started them has died.

A process that is killed with SIGKILL can clean up nothing. Its end of a pipe closes all the
same, on Linux as on macOS, and that is what this process waits for. Lines on its standard
input say which process groups there are: `+123` one more, `-123` one less.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable

#: Between asking and insisting, in seconds.
GRACE_SECONDS = 5.0


def watch(lines: Iterable[str], end: Callable[[set[int]], None]) -> None:
    groups: set[int] = set()
    for line in lines:
        change, group = line[0], int(line[1:])
        (groups.add if change == "+" else groups.discard)(group)
    end(groups)


def end_groups(groups: set[int], grace: float = GRACE_SECONDS) -> None:
    for group in groups:
        send(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and any(send(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, signal_number: int) -> bool:
    """Signal a whole process group; False when nobody is left in it."""
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):
        # macOS answers EPERM for a group in which only a zombie is left.
        return False
    return True


if __name__ == "__main__":
    watch(sys.stdin, end_groups)
