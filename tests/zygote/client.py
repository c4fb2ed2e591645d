"""The zygote of this run of the tests: started when it is first asked, gone with the run."""

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

#: Which Python reads when it starts, and which a copy of the zygote heeds all the same.
HEEDED = {"PYTHONPATH", "PYTHONUNBUFFERED"}
#: `{script}`: what the process takes for its own path, if it is to take another than its module's.
COMMAND = """\
#!/bin/sh
exec "{python}" -IS "{command}" "{socket}" "{python}" "{script}" {module}"$@"
"""


class Forked:
    """A process of the zygote's; what `subprocess.Popen` can do, as far as tests need it."""

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
        """None while it runs; below zero when a signal ended it."""
        with self._asking:
            if self.returncode is None and self._is_told(0):
                with self._connection:
                    self.returncode = end_of(self._connection)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its status. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._is_told(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return status

    def _is_told(self, timeout: float | None) -> bool:
        news = select.poll()
        news.register(self._connection, select.POLLIN)
        return bool(news.poll(None if timeout is None else max(0.0, timeout) * 1000))

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


class Zygote:
    """Started by this; it ends with `close`, and with this process, however that ends."""

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
    """`python -m module`, forked where that is the same as started."""
    if sys.platform != "linux" or not _can_heed(environment):
        return start_python(module, environment, output, folder)
    return Forked(_zygote().socket, module, environment, output, folder)


def _can_heed(environment: Mapping[str, str]) -> bool:
    """Python has other variables, which work from its start on only."""
    python = {name: value for name, value in environment.items() if name.startswith("PYTHON")}
    machine = of_the_machine()
    return all(name in HEEDED or machine.get(name) == value for name, value in python.items())


def python() -> str:
    """A command that does what `python` does: quicker, where the zygote knows the module.

    Beside it is `orderctl`, except where this is Python itself: there it is what pip has made.
    """
    return str(_zygote().python) if sys.platform == "linux" else sys.executable
