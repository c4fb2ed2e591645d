"""The restart delay grows each time a process crashes."""

import threading
from collections.abc import Callable

from shared.serving.restarts import GOOD_LIFE_SECONDS, Later, Restarts
from tests.waiting import eventually, stays


class Part:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.die: Callable[[], None] = lambda: None

    def start(self, on_death: Callable[[], None]) -> None:
        self.calls.append("start")
        self.die = on_death

    def stop(self) -> None:
        self.calls.append("stop")


def pauses(*lives: float) -> list[float]:
    """The delays before each start, including the first."""
    now, found = [0.0], []
    restarts = Restarts(lambda: now[0])
    for life in (*lives, 0.0):
        restarts.note()
        found.append(restarts.pause)
        now[0] += life
    return found


def test_the_delay_grows_with_each_crash_up_to_a_minute() -> None:
    assert pauses(*[1.0] * 8) == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert pauses(*[1.0] * 2000)[-1] == 60.0


def test_a_long_run_resets_the_delay() -> None:
    assert pauses(1.0, 1.0, GOOD_LIFE_SECONDS, 1.0) == [0.0, 1.0, 2.0, 0.0, 1.0]


def test_without_a_delay_it_starts_at_once() -> None:
    part = Part()
    Later(part, 0.0).start(lambda: None)
    assert part.calls == ["start"]


def test_it_starts_after_the_delay() -> None:
    part, deaths = Part(), []
    Later(part, 0.2).start(lambda: deaths.append("died"))
    assert part.calls == []
    eventually(lambda: part.calls == ["start"])
    part.die()
    assert deaths == ["died"]


def test_the_delay_does_not_keep_the_process_alive() -> None:
    before, later = threading.enumerate(), Later(Part(), 60.0)
    later.start(lambda: None)
    [waiting] = [thread for thread in threading.enumerate() if thread not in before]
    assert waiting.daemon
    later.stop()
    eventually(lambda: not waiting.is_alive())


def test_a_part_stopped_during_the_delay_never_starts() -> None:
    part = Part()
    later = Later(part, 0.1)
    later.start(lambda: None)
    later.stop()
    stays(lambda: part.calls == ["stop"])
