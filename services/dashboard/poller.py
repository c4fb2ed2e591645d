"""The thread that polls twice per second while a page is open, once for all browsers."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from services.dashboard.hub import Hub
from services.dashboard.system_state import SystemState
from shared.http.app import to_json

log = structlog.get_logger()

#: Seconds from one snapshot to the next.
PERIOD = 0.5
#: Maximum number of concurrent requests, over all services.
MAX_REQUESTS = 16


class Poller:
    """Runs beside the HTTP side."""

    def __init__(self, system_state: SystemState, hub: Hub) -> None:
        self._system_state = system_state
        self._hub = hub
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
        self._on_death: Callable[[], None] = lambda: None

    def start(self, on_death: Callable[[], None]) -> None:
        self._on_death = on_death
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._hub.close()

    def why_not_ready(self) -> str | None:
        return None if self._thread.is_alive() else "the poller has stopped"

    def _run(self) -> None:
        try:
            with ThreadPoolExecutor(MAX_REQUESTS, thread_name_prefix="poll") as threads:
                while not self._stopping.is_set():
                    self._poll_if_watched(threads)
        except BaseException:
            # Before logging: a log that cannot be written must not keep a dead poller alive.
            self._on_death()
            log.exception("poller.died")

    def _poll_if_watched(self, threads: ThreadPoolExecutor) -> None:
        if not self._hub.wait_for_watcher(PERIOD):
            return
        began = time.monotonic()
        self._hub.publish(to_json(self._system_state.poll(threads)))
        self._stopping.wait(max(0.0, began + PERIOD - time.monotonic()))
