"""A service as a process: `python -m services.NAME`, or the same forked from the zygote."""

import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from orderctl.stack.ports import free_port
from orderctl.stack.process import Start
from tests.asking import client
from tests.zygote.client import fork_python
from tools.servers.process import Guarded

TOKEN = "the-token-of-the-tests"
AS_OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
ROOT = Path(__file__).parent.parent


class ServiceProcess:
    """A `with` block starts and ends it. `settings` are environment variables."""

    def __init__(
        self, module: str, folder: Path, start: Start = fork_python, /, **settings: str
    ) -> None:
        self.url = f"http://127.0.0.1:{settings.setdefault('PORT', str(free_port()))}"
        self._module = module
        self._start = start
        self._log = folder / f"{module}.{settings['PORT']}.log"
        base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OPERATOR_TOKEN": TOKEN}
        self._env = {**base, **settings}
        self._env["TMPDIR"] = str(folder)
        self._process: Guarded | None = None

    def start(self) -> None:
        """Start, and wait until it responds to HTTP; it need not be ready."""
        self.begin().wait_until(self._answers)

    def begin(self) -> Guarded:
        """Start without waiting."""
        with self._log.open("ab") as output:
            child = self._start(self._module, self._env, output, self._log.parent)
        self._process = Guarded(child, self._log)
        return self._process

    def end(self, sign: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.end(sign)
        self._process = None

    def send_signal(self, sign: signal.Signals) -> None:
        """Send a signal to the process alone, as Docker does, and not to its workers."""
        if self._process is not None:
            os.kill(self._process.pid, sign)

    def freeze(self) -> None:
        """Stop process and workers with SIGSTOP; the kernel keeps their connections open."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, sign: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, sign)

    def has_ended(self) -> bool:
        return self._process is None or not self._process.is_running()

    def get(self, path: str) -> Any:
        """The JSON of the response, with any status."""
        return client().get(self.url + path, headers=AS_OPERATOR).json()

    def get_text(self, path: str) -> str:
        return client().get(self.url + path, headers=AS_OPERATOR).text

    @property
    def log(self) -> str:
        return self._log.read_text()

    def _answers(self) -> bool:
        try:
            return client().get(self.url + "/health/live").status_code == 200
        except httpx.TransportError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
