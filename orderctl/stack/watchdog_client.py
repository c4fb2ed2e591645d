"""Runs the watchdog that ends a stack's processes if this process is killed."""

import subprocess
import sys
from contextlib import suppress

from orderctl.stack.environment import of_the_machine
from orderctl.stack.process import ROOT, STOP_SECONDS


class WatchdogClient:
    """Sends the stack's process groups to the watchdog. Does nothing without `start`."""

    def __init__(self) -> None:
        self._watchdog: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._watchdog = subprocess.Popen(
            [sys.executable, "-m", "orderctl.stack.watchdog"],
            cwd=ROOT,
            env=of_the_machine(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        self._tell(f"+{group}")

    def release(self, group: int) -> None:
        self._tell(f"-{group}")

    def dismiss(self) -> None:
        """End the watchdog, which first ends the groups that it is still watching."""
        if self._watchdog and self._watchdog.stdin:
            with suppress(BrokenPipeError):
                self._watchdog.stdin.close()
            self._watchdog.wait(STOP_SECONDS)

    def _tell(self, line: str) -> None:
        if self._watchdog and self._watchdog.stdin:
            # If the watchdog was ended, the stack continues without it.
            with suppress(BrokenPipeError):
                self._watchdog.stdin.write(line + "\n")
                self._watchdog.stdin.flush()
