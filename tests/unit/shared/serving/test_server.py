"""Several background parts beside a process's HTTP side."""

import threading
from collections.abc import Callable

from shared.serving.server import Together


class Part:
    """A part that can only stop while the other one stops."""

    def __init__(self, both: threading.Barrier) -> None:
        self.calls: list[str] = []
        self._both = both

    def start(self, on_death: Callable[[], None]) -> None:
        self.calls.append("start")
        on_death()

    def stop(self) -> None:
        self._both.wait(10)
        self.calls.append("stop")


def test_background_parts_start_and_stop_together() -> None:
    both = threading.Barrier(2)
    parts, deaths = [Part(both), Part(both)], []
    together = Together(parts)
    together.start(lambda: deaths.append("died"))
    together.stop()
    assert [part.calls for part in parts] == [["start", "stop"]] * 2
    assert deaths == ["died"] * 2
