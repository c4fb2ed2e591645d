"""A terminal: commands one after the other, or one that goes on until Ctrl-C."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from orderctl.stack.process import ROOT

#: Seconds for one command. The longest waits for leases of dead processes.
LIMIT = 90.0
#: Seconds in which everything that a command started has to end.
END_LIMIT = 45.0
#: What the shell keeps for the commands that follow.
KEPT = ("alias ", "unalias ", "export ", "source ")
#: With these set, programs say something else than they say to a person.
NOT_A_PERSONS = {"CI", "PYTEST_ADDOPTS"}


class Terminal:
    """Starts each command as a shell of its own, with what earlier ones were to keep.

    `screen`: the file for what a command that goes on shows. `python`: what `python` is there,
    whatever was activated.
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
        """Its status and its output. Progress goes to standard error, and is left out."""
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
        """Start a command that goes on."""
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
        """All that the command that goes on has shown."""
        return self._screen.read_text(errors="replace") if self._screen.exists() else ""

    def press_ctrl_c(self) -> str:
        """What the command then shows until it has ended; nothing where none runs."""
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
