"""Several things that run beside the HTTP side of one process."""

import threading
from collections.abc import Callable

from shared.serving.server import Together


class Part:
    """Can only stop while the other one does."""

    def __init__(self, both: threading.Barrier) -> None:
        self.calls: list[str] = []
        self._both = both

    def start(self, on_death: Callable[[], None]) -> None:
        self.calls.append("start")
        on_death()

    def stop(self) -> None:
        self._both.wait(10)
        self.calls.append("stop")


def test_what_runs_together_starts_and_stops_together() -> None:
    both = threading.Barrier(2)
    parts, deaths = [Part(both), Part(both)], []
    together = Together(parts)
    together.start(lambda: deaths.append("died"))
    together.stop()
    assert [part.calls for part in parts] == [["start", "stop"]] * 2
    assert deaths == ["died"] * 2
