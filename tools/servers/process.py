"""One server process: started in a session of its own, ended by its id and no other way."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orderctl.stack.process import Started


class ServerMissing(Exception):
    """The server's program is not on this machine; the message says what to install."""


class ServerFailed(Exception):
    """The server did not start or did not answer in time; the message ends with its log."""


class Guarded:
    """A child, in a session of its own, that never outlives the tests, however these end."""

    def __init__(self, child: Started, log: Path, scratch: Path | None = None) -> None:
        self.log = log
        self._child = child
        self.pid = child.pid
        self._guard = _guard(self.pid, scratch)

    def is_running(self) -> bool:
        return self._child.poll() is None

    def end(self, sign: signal.Signals, *, timeout: float = 30.0) -> None:
        """Send `sign` to the process and what it started, and wait until it has ended."""
        # The guard goes first: afterwards the id may belong to somebody else.
        self._guard.kill()
        self._guard.communicate()
        if self.is_running():
            os.killpg(self.pid, sign)
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._child.wait()

    def wait_until(self, ready: Callable[[], bool], *, timeout: float = 60.0) -> None:
        """Poll `ready`; raise ServerFailed when the process ends or the time is over."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.is_running():
                raise ServerFailed(f"ended with {self._child.poll()}\n{self._log_tail()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"not ready after {timeout:.0f} s\n{self._log_tail()}")
            time.sleep(0.05)

    def _log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


class ServerProcess(Guarded):
    """A running program."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        scratch: Path | None = None,
    ) -> None:
        """`scratch` is a folder that is of no use without the tests."""
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=log.parent,
                # Ctrl-C in the terminal is for the tests, which then stop their servers in order.
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        super().__init__(child, log, scratch)


def _guard(pid: int, scratch: Path | None) -> subprocess.Popen[bytes]:
    """Kills a process group and deletes a folder as soon as the tests are gone."""
    return when_tests_end(
        'kill -KILL "-$1" 2>/dev/null; sleep 1; [ -z "$2" ] || rm -rf "$2"',
        str(pid),
        str(scratch or ""),
    )


def when_tests_end(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A shell that runs `script` as soon as this process has ended, however it ends.

    Its standard input is a pipe whose other end only this process holds: when that is killed,
    the kernel closes the pipe, and the server is not left running for ever.
    """
    return subprocess.Popen(
        ["sh", "-c", f"read -r _; {script}", "guard", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def find_program(name: str, *patterns: str, install: str) -> Path:
    """The newest match of `patterns` below /, else `name` on the PATH, else ServerMissing."""
    # By length first, so that version 15 comes after 9.
    matches = sorted(
        (path for pattern in patterns for path in Path("/").glob(pattern)),
        key=lambda path: (len(str(path)), str(path)),
    )
    if matches:
        return matches[-1]
    # Homebrew links servers into sbin, which is often not on the PATH.
    places = [os.environ.get("PATH", os.defpath), "/opt/homebrew/sbin", "/usr/local/sbin"]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise ServerMissing(f"{name} is not installed; {install}")
    return Path(found)
