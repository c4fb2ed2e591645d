"""Runs a Flask application under gunicorn, started from code.

A consumer service is one process with one worker. The consumer runs in the worker, starts when
the worker is ready and drains when it ends; a worker that crashes is replaced.
"""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from shared.serving.restarts import Later, Restarts
from shared.serving.worker import Worker
from shared.settings import ServiceSettings

log = structlog.get_logger()

#: A worker that has not ended this long after the signal is killed. The consumer and the HTTP
#: interface drain concurrently, each in 20 s, and Compose's stop_grace_period is longer.
GRACEFUL_SECONDS = 30
#: The longest time after the signal for which a worker waits for its background parts.
STOP_SECONDS = 25.0
#: How long it then waits for threads that cannot be stopped, such as a call without a response.
LAST_SECONDS = 1.0
#: Each connection needs a descriptor, and many systems allow a process 1024.
CONNECTIONS = 500
#: A worker's heartbeat is a file that is touched constantly; on Linux it is in memory.
IN_MEMORY = Path("/dev/shm")  # noqa: S108
#: A worker that crashes repeatedly right after its start must not become a busy loop.
PAUSE_BEFORE_DEATH_SECONDS = 1.0


class Background(Protocol):
    """A background part of a process, beside its HTTP interface: a consumer, the relay."""

    def start(self, on_death: Callable[[], None]) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class Together:
    """Several background parts as one. They stop concurrently."""

    parts: Sequence[Background]

    def start(self, on_death: Callable[[], None]) -> None:
        for part in self.parts:
            part.start(on_death)

    def stop(self) -> None:
        threads = [threading.Thread(target=part.stop, daemon=True) for part in self.parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@dataclass(frozen=True)
class Process:
    """A composed process: its HTTP interface and its background part, if any."""

    app: Flask
    background: Background | None = None


class _Logs(Logger):  # type: ignore[misc]
    """Passes gunicorn's messages to the root logger, which writes structured lines."""

    def setup(self, cfg: Any) -> None:
        self.error_log.propagate = True
        self.error_log.handlers.clear()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
    def __init__(
        self,
        compose: Callable[[], Process],
        options: Mapping[str, Any],
        names: Collection[str],
        restarts: Restarts,
    ) -> None:
        self._compose = compose
        self._names = names
        self._options = options
        self._background: Background | None = None
        self._stopping: threading.Thread | None = None
        self._stopped_at = 0.0
        self._restarts = restarts
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)
        self.cfg.set("when_ready", lambda _server: share_memory())
        self.cfg.set("pre_fork", lambda _server, _worker: self._restarts.note())
        self.cfg.set("post_worker_init", self._start)
        self.cfg.set("worker_exit", self._end)

    def load(self) -> Flask:
        """Called in the worker, after the fork, so that no connection is shared across it."""
        # Imported here: it imports the metrics, which choose their storage when imported.
        from shared.http.other_sites import keep_other_sites_out

        process = self._compose()
        if process.background:
            self._background = Later(process.background, self._restarts.pause)
        keep_other_sites_out(process.app, self._names)
        return process.app

    def _start(self, worker: Worker) -> None:
        worker.on_stop = self._begin_to_stop
        if worker.alive and self._background:
            self._background.start(on_death=end_this_worker)

    def _begin_to_stop(self) -> None:
        """Called at the signal, while the HTTP interface finishes its requests."""
        if self._background and self._stopping is None:
            self._stopped_at = time.monotonic()
            self._stopping = threading.Thread(target=self._background.stop, daemon=True)
            self._stopping.start()

    def _end(self, _server: Any, worker: Worker) -> None:
        if worker.pid != os.getpid():  # called for a worker that has already ended
            return
        self._begin_to_stop()
        if self._stopping:
            self._stopping.join(max(0.0, self._stopped_at + STOP_SECONDS - time.monotonic()))
        if worker.booted:
            leave_threads_behind()


def share_memory() -> None:
    """Exclude all existing objects from garbage collection, before the first fork.

    A worker shares memory with its parent until one of them writes to it, and a collection writes
    to every object that it visits.
    """
    gc.collect()
    gc.freeze()


def leave_threads_behind() -> None:
    """Exit now if any thread does not end, since Python would wait for it.

    Includes daemon threads: Python waits for the threads of a pool, which are daemons if a daemon
    thread started the pool.
    """
    deadline = time.monotonic() + LAST_SECONDS
    others = [t for t in threading.enumerate() if t is not threading.main_thread()]
    for thread in others:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in others if thread.is_alive()]
    if left:
        log.warning("process.left_threads_behind", threads=left)
        sys.stderr.flush()
        os._exit(0)


def end_this_worker() -> None:
    """Shut down the calling process gracefully; gunicorn starts a new one."""
    timer = threading.Timer(PAUSE_BEFORE_DEATH_SECONDS, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    timer.start()


def serve(
    settings: ServiceSettings,
    compose: Callable[[], Process],
    *,
    restarts: Restarts | None = None,
    **options: Any,
) -> None:
    """Serve until a signal arrives. `compose` is called once in every worker."""
    defaults = {
        "bind": f"{settings.host}:{settings.port}",
        "worker_class": Worker,
        "worker_connections": CONNECTIONS,
        # sendfile would bypass the limit on slow readers.
        "sendfile": False,
        "workers": 1,
        "threads": 8,
        "timeout": 60,
        "graceful_timeout": GRACEFUL_SECONDS,
        "logger_class": _Logs,
        # It would be created in $HOME, which is read-only in a container.
        "control_socket_disable": True,
    }
    if IN_MEMORY.is_dir():
        defaults["worker_tmp_dir"] = str(IN_MEMORY)
    names = [name.strip().lower() for name in settings.allowed_hosts.split(",") if name.strip()]
    _Server(compose, defaults | options, names, restarts or Restarts()).run()
