"""Runs one part of a stack as a process, with its own process group and log."""

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from orderctl.stack.environment import of_the_machine
from orderctl.stack.watchdog import send

#: Modules are imported from here; `python -m services.email` works in no other folder.
ROOT = Path(__file__).resolve().parents[2]
#: Longer than the 30 s that gunicorn gives a worker to finish.
STOP_SECONDS = 40.0
TAIL_LINES = 15


class Started(Protocol):
    """The members of `subprocess.Popen` that are needed here."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...


def start_python(
    module: str, environment: Mapping[str, str], output: BinaryIO, folder: Path
) -> subprocess.Popen[bytes]:
    """Run `python -m module` in a folder, in its own process group."""
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


#: Starts a module, given its environment, a file for its output, and its working folder.
Start = Callable[[str, Mapping[str, str], BinaryIO, Path], Started]


class PartProcess:
    """Starts at once; its output is appended to the log."""

    def __init__(
        self,
        module: str,
        environment: Mapping[str, str],
        log: Path,
        start: Start = start_python,
    ) -> None:
        self._log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = start(module, {**of_the_machine(), **environment}, output, ROOT)

    @property
    def pid(self) -> int:
        """The id of the process and of its group: gunicorn's master and its workers."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it is running; negative if a signal ended it."""
        return self._process.poll()

    def wait(self, timeout: float) -> int:
        """Its exit status. Raises subprocess.TimeoutExpired."""
        return self._process.wait(timeout)

    def terminate(self) -> None:
        """Send SIGTERM: it finishes its work and exits."""
        if self.exit_status is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, timeout: float = STOP_SECONDS) -> int:
        """Send SIGTERM, wait, then SIGKILL its whole group; return its exit status."""
        self.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.wait(timeout)
        self.kill(signal.SIGKILL)
        return self.wait(STOP_SECONDS)

    def kill(self, signal_number: int = signal.SIGKILL) -> int | None:
        """Signal the whole group. After SIGKILL, wait for its exit status."""
        send(self.pid, signal_number)
        return self.wait(STOP_SECONDS) if signal_number == signal.SIGKILL else self.exit_status

    def workers(self) -> tuple[int, ...]:
        """The pids of its child processes, gunicorn's workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        if not children.exists():
            return self._workers_by_ps()
        try:
            return tuple(map(int, children.read_text().split()))
        except ProcessLookupError:  # it has just ended
            return ()

    def _workers_by_ps(self) -> tuple[int, ...]:
        # macOS has no /proc; some Linux machines have no ps.
        listing = subprocess.run(
            ["ps", "-A", "-o", "pid=", "-o", "ppid="], capture_output=True, text=True, check=True
        )
        pairs = (line.split() for line in listing.stdout.splitlines())
        return tuple(int(pid) for pid, parent in pairs if int(parent) == self.pid)

    def log_tail(self) -> str:
        """The last lines of its output since it started."""
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])
