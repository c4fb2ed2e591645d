"""A terminal that runs commands one after another, or one command until Ctrl-C."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from orderctl.stack.process import ROOT

#: Seconds for one command. The slowest one waits for leases of crashed processes.
LIMIT = 90.0
#: Seconds in which all processes that a command started must end.
END_LIMIT = 45.0
#: Commands whose effect on the shell must persist for later commands.
KEPT = ("alias ", "unalias ", "export ", "source ")
#: Variables that change the output of programs.
NOT_A_PERSONS = {"CI", "PYTEST_ADDOPTS"}


class Terminal:
    """Starts each command in a new shell, after repeating the persistent earlier commands.

    `screen`: the file for the output of a running command. `python`: the `python` command,
    whichever environment was activated.
    """

    def __init__(self, environment: Mapping[str, str], screen: Path, python: Path) -> None:
        own = {"PYTHONUNBUFFERED": "1", "PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_A_PERSONS}
        self._environment = {**inherited, **own, **environment}
        self._kept: list[str] = ["shopt -s expand_aliases"]
        self._python = f"PATH={shlex.quote(str(python.parent))}:$PATH"
        self._running: subprocess.Popen[bytes] | None = None
        self._screen = screen

    def run(self, command: str, *, with_errors: bool) -> tuple[int, str]:
        """Run a command; returns its status and output. Progress on standard error is left out."""
        if command.startswith(KEPT):
            self._kept.append(command)
        with self._start(command, subprocess.PIPE, with_errors=with_errors) as running:
            try:
                output, _ = running.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                raise AssertionError(f"{command}: not done within {LIMIT:g} s") from None
        return running.returncode, output.decode()

    def begin(self, command: str) -> None:
        """Start a command that keeps running."""
        if command.startswith(KEPT):
            self._kept.append(command)
            return
        assert not self.goes_on, f"{command}: another command runs in this terminal"
        with self._screen.open("wb") as screen:
            self._running = self._start(command, screen.fileno(), with_errors=True)

    @property
    def goes_on(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def seen(self) -> str:
        """The output of the running command so far."""
        return self._screen.read_text(errors="replace") if self._screen.exists() else ""

    def press_ctrl_c(self) -> str:
        """Interrupt the running command; returns the output until its end. Empty if none is
        running.
        """
        if self._running is None or not self.goes_on:
            return ""
        before = len(self.seen())
        os.killpg(self._running.pid, signal.SIGINT)
        try:
            self._running.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(self._running.pid, signal.SIGKILL)
            raise AssertionError(f"not ended {END_LIMIT:g} s after Ctrl-C") from None
        return self.seen()[before:]

    def _start(self, command: str, output: int, *, with_errors: bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["bash", "-c", "\n".join([*self._kept, self._python, command])],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if with_errors else None,
            start_new_session=True,
        )
