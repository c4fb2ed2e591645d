"""Runs a Flask application under gunicorn, started from code.

One consumer service is one process with one worker: its consumer lives in the worker, starts
when the worker is ready and drains when it ends, and a worker that dies is replaced.
"""

import gc
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from shared.settings import ServiceSettings

log = structlog.get_logger()

#: Longer than a consumer's drain, so that gunicorn does not kill what is about to end well.
GRACEFUL_SECONDS = 30
#: A worker's sign of life is a file that is touched all the time: Linux has memory for it.
IN_MEMORY = Path("/dev/shm")  # noqa: S108
#: A worker that dies at once, again and again, must not turn into a busy loop.
PAUSE_BEFORE_DEATH_SECONDS = 1.0


class Background(Protocol):
    """What runs beside the HTTP side of a process: a consumer, the relay."""

    def start(self, on_death: Callable[[], None]) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class Together:
    """Several things that run beside the HTTP side; the last that is named stops first."""

    parts: Sequence[Background]

    def start(self, on_death: Callable[[], None]) -> None:
        for part in self.parts:
            part.start(on_death)

    def stop(self) -> None:
        for part in reversed(self.parts):
            part.stop()


@dataclass(frozen=True)
class Process:
    """A composed process: its HTTP side, and what runs beside it."""

    app: Flask
    background: Background | None = None


class _Logs(Logger):  # type: ignore[misc]
    """Leaves gunicorn's messages to the root logger, where they become structured lines."""

    def setup(self, cfg: Any) -> None:
        self.error_log.propagate = True
        self.error_log.handlers.clear()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
    def __init__(self, compose: Callable[[], Process], options: Mapping[str, Any]) -> None:
        self._compose = compose
        self._options = options
        self._background: Background | None = None
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)
        self.cfg.set("when_ready", lambda _server: share_memory())
        self.cfg.set("post_worker_init", lambda _worker: self._start())
        self.cfg.set("worker_exit", lambda _server, _worker: self._stop())

    def load(self) -> Flask:
        """Called in the worker, after the fork: no connection is ever carried over one."""
        process = self._compose()
        self._background = process.background
        return process.app

    def _start(self) -> None:
        if self._background:
            self._background.start(on_death=end_this_worker)

    def _stop(self) -> None:
        if self._background:
            self._background.stop()


def share_memory() -> None:
    """Before the first worker: what exists now is left alone by the garbage collector.

    A worker shares the memory of the process that it was forked from until one of the two
    writes to it, and a collection writes to every object that it looks at.
    """
    gc.collect()
    gc.freeze()


def end_this_worker() -> None:
    """End the process that calls this, in an orderly way; gunicorn starts a new one."""
    timer = threading.Timer(PAUSE_BEFORE_DEATH_SECONDS, os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    timer.start()


def serve(settings: ServiceSettings, compose: Callable[[], Process], **options: Any) -> None:
    """Serve until a signal ends it. `compose` is called once in every worker."""
    defaults = {
        "bind": f"{settings.host}:{settings.port}",
        "worker_class": "gthread",
        "workers": 1,
        "threads": 8,
        "timeout": 60,
        "graceful_timeout": GRACEFUL_SECONDS,
        "logger_class": _Logs,
        # It would be written below $HOME, which is read-only in a container.
        "control_socket_disable": True,
    }
    if IN_MEMORY.is_dir():
        defaults["worker_tmp_dir"] = str(IN_MEMORY)
    _Server(compose, defaults | options).run()
