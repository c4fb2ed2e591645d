"""Closed while something is away; one piece of work at a time finds out whether it is back."""

import threading
import time
from itertools import pairwise

import pytest

from shared.errors import DependencyUnavailable
from shared.gate import FIRST_WAIT_SECONDS, Gate
from tests.waiting import eventually, stays


class Work:
    """Records each attempt; fails while `away`."""

    def __init__(self) -> None:
        self.away = False
        self.at: list[float] = []
        self.retry_after: float | None = None
        self.running = 0
        self.most_at_once = 0
        self.seconds = 0.0

    def __call__(self) -> None:
        self.at.append(time.monotonic())
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        time.sleep(self.seconds)
        self.running -= 1
        if self.away:
            raise DependencyUnavailable("mail server", "refused", retry_after=self.retry_after)


def closed(gate: Gate, work: Work) -> None:
    work.away = True
    with pytest.raises(DependencyUnavailable):
        gate.run(work)


def until_done(gate: Gate, work: Work) -> None:
    """What a worker does."""
    while not gate.left:
        try:
            gate.run(work)
        except DependencyUnavailable:
            continue
        return


def workers(gate: Gate, work: Work, count: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=until_done, args=(gate, work)) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_it_is_open_until_something_is_away_and_says_what() -> None:
    gate, work = Gate(), Work()
    gate.run(work)
    assert gate.reason is None
    closed(gate, work)
    assert gate.reason == "mail server is unavailable: refused"


def test_the_first_piece_that_succeeds_opens_it() -> None:
    gate, work = Gate(), Work()
    closed(gate, work)
    work.away = False
    gate.run(work)
    assert gate.reason is None


def test_another_error_opens_it_since_the_work_that_would_have_tried_again_is_over() -> None:
    def fail() -> None:
        raise RuntimeError

    gate, work = Gate(), Work()
    closed(gate, work)
    with pytest.raises(RuntimeError):
        gate.run(fail)
    assert gate.reason is None


def test_probes_come_one_at_a_time_and_ever_more_slowly() -> None:
    gate, work = Gate(), Work()
    closed(gate, work)
    threads = workers(gate, work, 4)
    eventually(lambda: len(work.at) >= 3)
    work.away = False
    for thread in threads:
        thread.join()
    pauses = [later - sooner for sooner, later in zip(work.at, work.at[1:3], strict=False)]
    assert pauses[0] >= FIRST_WAIT_SECONDS
    assert pauses[1] >= 2 * FIRST_WAIT_SECONDS


def test_once_it_is_open_again_those_who_waited_work_side_by_side() -> None:
    gate, work = Gate(), Work()
    closed(gate, work)
    threads = workers(gate, work, 8)
    work.away, work.seconds = False, 0.2
    for thread in threads:
        thread.join()
    assert work.most_at_once > 1


def test_leaving_frees_everybody_who_waits_and_does_no_more_work() -> None:
    gate, work = Gate(), Work()
    for _ in range(3):
        closed(gate, work)
    attempts = len(work.at)
    threads = workers(gate, work, 4)
    stays(lambda: len(work.at) == attempts)
    gate.leave()
    for thread in threads:
        thread.join(timeout=2)
    assert not any(thread.is_alive() for thread in threads)
    assert len(work.at) == attempts


def test_it_waits_for_as_long_as_it_is_asked_to() -> None:
    gate, work = Gate(), Work()
    work.retry_after = 0.8
    closed(gate, work)
    [thread] = workers(gate, work, 1)
    eventually(lambda: len(work.at) == 2)
    work.away = False
    thread.join()
    assert [later - sooner >= 0.8 for sooner, later in pairwise(work.at)] == [True, True]


def test_what_began_before_it_was_closed_neither_opens_it_nor_makes_it_slower() -> None:
    gate, slow, failing = Gate(), Work(), Work()
    slow.seconds = 0.3
    threads = workers(gate, slow, 4)
    eventually(lambda: len(slow.at) == 4)
    for _ in range(8):
        threads.append(threading.Thread(target=until_done, args=(gate, failing)))
    failing.away, failing.seconds = True, 0.05
    for thread in threads[4:]:
        thread.start()
    eventually(lambda: failing.at and gate.reason)
    for thread in threads[:4]:
        thread.join()
    assert gate.reason is not None
    failing.away = False
    for thread in threads[4:]:
        thread.join()
    # The eight failed at the same time and the pause is still the first: none came after 2 s.
    assert failing.at[-1] - failing.at[0] < 2
