"""Ends the processes of a stack after the process that started them was killed.

A process killed with SIGKILL cannot clean up, but its end of a pipe closes, on Linux and on macOS.
The watchdog waits for that. Lines on its standard input add (`+123`) and remove (`-123`) process
groups.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable

#: Seconds between SIGTERM and SIGKILL.
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
    """Signal a whole process group; False if it has no process left."""
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):
        # macOS returns EPERM for a group with only a zombie left.
        return False
    return True


if __name__ == "__main__":
    watch(sys.stdin, end_groups)
