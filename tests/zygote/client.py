"""The zygote of this test run: started on the first request, ended with the run."""

import atexit
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO

from orderctl.stack.environment import of_the_machine
from orderctl.stack.process import ROOT, Started, start_python
from tests.zygote.asking import ask, end_of

#: Variables that Python reads at startup, and that a copy of the zygote applies as well.
HEEDED = {"PYTHONPATH", "PYTHONUNBUFFERED"}
#: `{script}`: the process's `sys.argv[0]`, if it is not the module's path.
COMMAND = """\
#!/bin/sh
exec "{python}" -IS "{command}" "{socket}" "{python}" "{script}" {module}"$@"
"""


class Forked:
    """A process forked from the zygote, with the methods of `subprocess.Popen` that tests need."""

    def __init__(
        self,
        address: Path,
        module: str,
        environment: Mapping[str, str],
        output: BinaryIO,
        folder: Path,
    ) -> None:
        with Path(os.devnull).open("rb") as nothing:
            self._connection, self.pid = ask(
                str(address),
                module,
                [],
                script="",
                environment=dict(environment),
                folder=str(folder),
                streams=(nothing.fileno(), output.fileno(), output.fileno()),
                ignored=[],
            )
        self.args = f"python -m {module}"
        self.returncode: int | None = None
        self._asking = threading.Lock()

    def poll(self) -> int | None:
        """The exit status: None while it is running, negative for a signal."""
        with self._asking:
            if self.returncode is None and self._is_signalled(0):
                with self._connection:
                    self.returncode = end_of(self._connection)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._is_signalled(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return status

    def _is_signalled(self, timeout: float | None) -> bool:
        news = select.poll()
        news.register(self._connection, select.POLLIN)
        return bool(news.poll(None if timeout is None else max(0.0, timeout) * 1000))

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


class Zygote:
    """Starts the zygote, which ends with `close`, or when this process ends in any way."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="zygote-"))
        self.socket = self._folder / "socket"
        self.python = self._folder / "python"
        self._write(self.python)
        self._write(self._folder / "orderctl", script="$0", module="-m orderctl ")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote", str(self._folder)],
            cwd=ROOT,
            env=of_the_machine(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout
        said = self._process.stdout.readline()
        assert said == b"ready\n", "the zygote has not started"

    def _write(self, file: Path, *, script: str = "", module: str = "") -> None:
        words = {
            "python": sys.executable,
            "command": Path(__file__).with_name("command.py"),
            "socket": self.socket,
            "script": script,
            "module": module,
        }
        file.write_text(COMMAND.format(**words))
        file.chmod(0o700)

    def close(self) -> None:
        self._process.communicate()


@cache
def _zygote() -> Zygote:
    zygote = Zygote()
    atexit.register(zygote.close)
    return zygote


def fork_python(
    module: str, environment: Mapping[str, str], output: BinaryIO, folder: Path
) -> Started:
    """Run `python -m module`, forked from the zygote where that is equivalent."""
    if sys.platform != "linux" or not _can_apply(environment):
        return start_python(module, environment, output, folder)
    return Forked(_zygote().socket, module, environment, output, folder)


def _can_apply(environment: Mapping[str, str]) -> bool:
    """Whether no other variable is set that Python only applies at startup."""
    python = {name: value for name, value in environment.items() if name.startswith("PYTHON")}
    machine = of_the_machine()
    return all(name in HEEDED or machine.get(name) == value for name, value in python.items())


def python() -> str:
    """The path of a command equivalent to `python`, faster for modules in the zygote.

    The same folder has `orderctl`. Without a zygote, both are the real ones.
    """
    return str(_zygote().python) if sys.platform == "linux" else sys.executable
