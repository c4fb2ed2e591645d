"""Runs all processes of the system on this machine, for the demo and the end-to-end tests.

Every part has its own process group, and none survives: the end of `with Stack(…)`, Ctrl-C or an
exception stops all of them. If this process is killed with SIGKILL, a watchdog stops the parts
some seconds later, on Linux and on macOS.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from orderctl.errors import StackError
from orderctl.settings import Addresses
from orderctl.stack.parts import MODULES, OPTIONAL, PAGE, STEPS, DatabaseUrls, StackPlan, sqlite_in
from orderctl.stack.ports import default_or_free_ports, free_ports
from orderctl.stack.process import STOP_SECONDS, PartProcess, Start, start_python
from orderctl.stack.readiness import open_client, why_not_ready
from orderctl.stack.watchdog_client import WatchdogClient
from shared.transport import LADDER

#: Enough for the one-shot steps and for all parts to start on a small, busy machine.
SETUP_SECONDS = 120.0
READY_SECONDS = 120.0
POLL_SECONDS = 0.05


class Stack:
    """The parts of one system, with files and logs in `folder`.

    `broker_url` and `database_urls` default to SQLite files in the folder. `work_times`: seconds
    by service; `environment`: variables by part. `documented_ports`: use these if all of them are
    free. `faults_allowed`: let `orderctl fault` inject faults. `page`: run the dashboard as
    well. `start` starts each process.
    """

    def __init__(  # noqa: PLR0913  # all keyword-only and optional
        self,
        folder: Path,
        *,
        broker_url: str | None = None,
        database_urls: DatabaseUrls | None = None,
        ladder: Sequence[float] = LADDER,
        work_times: Mapping[str, float] | None = None,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        documented_ports: bool = False,
        faults_allowed: bool = False,
        page: bool = False,
        start: Start = start_python,
    ) -> None:
        self._always = {**MODULES, **(PAGE if page else {})}
        self.folder = folder.resolve()
        self.plan = StackPlan(
            ports=default_or_free_ports() if documented_ports else free_ports(),
            broker_url=broker_url or sqlite_in(self.folder)("broker"),
            database_urls=database_urls or sqlite_in(self.folder),
            ladder=ladder,
            work_times=work_times or {},
            extra=environment or {},
            faults_allowed=faults_allowed,
        )
        #: Modules by part that replace the default ones.
        self.replaced: Mapping[str, str] = {}
        self._processes: dict[str, PartProcess] = {}
        self._start_process = start
        self._watchdog = WatchdogClient()

    # --- state -------------------------------------------------------------------------------

    @property
    def urls(self) -> Mapping[str, str]:
        """The HTTP address of each part, including a latecomer once it has joined."""
        return {name: self.plan.url(name) for name in self._modules}

    @property
    def _modules(self) -> Mapping[str, str]:
        joined = {name: OPTIONAL[name] for name in OPTIONAL if name in self.plan.consumers}
        return {**self._always, **joined, **self.replaced}

    @property
    def addresses(self) -> Addresses:
        """The addresses that the audit needs."""
        values = {name.lower(): value for name, value in self.plan.common().items()}
        return Addresses.model_validate(values)

    @property
    def running(self) -> tuple[str, ...]:
        return tuple(name for name in self._modules if self._runs(name))

    def _runs(self, name: str) -> bool:
        return name in self._processes and self._processes[name].exit_status is None

    def process(self, name: str) -> PartProcess:
        return self._processes[name]

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    # --- control -----------------------------------------------------------------------------

    def setup(self) -> None:
        """Run the one-shot steps, which create schemas and queues. Raises StackError."""
        self._run_steps(STEPS)

    def join(self, name: str) -> None:
        """Start a latecomer, after creating its queues and its schema. Raises StackError."""
        declare_its_own = {"CONSUMERS": name}
        self._run_steps({"topology": STEPS["topology"]}, declare_its_own)
        self._run_steps({name: f"{OPTIONAL[name]}.migrate"})
        self.plan = replace(self.plan, consumers=(*self.plan.consumers, name))
        self.start(name)
        self.wait_ready([name])

    def _run_steps(self, steps: Mapping[str, str], env: Mapping[str, str] | None = None) -> None:
        begun = {name: self._begin(f"setup-{name}", name, steps[name], env) for name in steps}
        for name, step in begun.items():
            self._expect_success(f"setup-{name}", step)

    def _expect_success(self, name: str, step: PartProcess) -> None:
        try:
            status = step.wait(SETUP_SECONDS)
        except subprocess.TimeoutExpired:
            tail = self._log_tail(name)
            raise StackError(f"{name} did not end within {SETUP_SECONDS:g} s: {tail}") from None
        if status:
            raise StackError(f"{name} ended with status {status}: {self._log_tail(name)}")
        self._watchdog.release(self._processes[name].pid)

    def start(
        self, name: str, module: str | None = None, env: Mapping[str, str] | None = None
    ) -> PartProcess:
        """Start a part, optionally with another module and more variables."""
        if name in self.running:
            raise StackError(f"{name} is already running: stop it first.")
        return self._begin(name, name, module or self._modules[name], env or {})

    def start_all(self) -> None:
        for name in self._always:
            self.start(name)

    def stop(self, name: str) -> int:
        """Stop a part, wait for it, and return its exit status."""
        status = self._processes[name].stop()
        self._watchdog.release(self._processes[name].pid)
        return status

    def kill(
        self, name: str, signal_number: int = signal.SIGKILL, *, only_worker: bool = False
    ) -> None:
        """Signal the part's whole group, or only its workers, which gunicorn then replaces."""
        if only_worker:
            for pid in self._processes[name].workers():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal_number)
        else:
            self._processes[name].kill(signal_number)

    def wait_ready(
        self, names: Sequence[str] | None = None, timeout: float = READY_SECONDS
    ) -> None:
        """Wait until these parts are ready; default: all but latecomers.

        Raises StackError with the reason and the end of the log.
        """
        deadline = time.monotonic() + timeout
        with open_client() as client:
            for name in self._always if names is None else names:
                while reason := why_not_ready(name, self.plan, client):
                    self._expect_alive(name)
                    if time.monotonic() > deadline:
                        raise StackError(
                            f"{name} is not ready after {timeout:g} s ({reason}): "
                            f"{self._log_tail(name)}"
                        )
                    time.sleep(POLL_SECONDS)

    def _expect_alive(self, name: str) -> None:
        status = self._processes[name].exit_status
        if status is not None:
            raise StackError(f"{name} ended with status {status}: {self._log_tail(name)}")

    def _log_tail(self, name: str) -> str:
        return f"the last lines of {self.log(name)} are\n{self._processes[name].log_tail()}"

    # --- processes ---------------------------------------------------------------------------

    def _begin(
        self, name: str, part: str, module: str, env: Mapping[str, str] | None = None
    ) -> PartProcess:
        environment = {**self.plan.environment(part), **(env or {})}
        process = PartProcess(module, environment, self.log(name), self._start_process)
        self._processes[name] = process
        self._watchdog.watch(process.pid)
        return process

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._watchdog.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.stop_all()

    def stop_all(self) -> None:
        """Stop everything: send SIGTERM to all parts first, so that they stop in parallel."""
        try:
            for process in self._processes.values():
                process.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            for process in self._processes.values():
                process.stop(max(0.0, deadline - time.monotonic()))
        finally:
            self._dismiss_watchdog()

    def _dismiss_watchdog(self) -> None:
        """If a second Ctrl-C has interrupted the stop, leave the rest to the watchdog."""
        for process in self._processes.values():
            if process.exit_status is not None:
                self._watchdog.release(process.pid)
        self._watchdog.dismiss()
