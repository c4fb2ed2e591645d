"""The circuit breaker: open during an outage, and probing with one piece of work at a time."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import pairwise

import pytest

from shared.consuming.circuit_breaker import (
    FIRST_WAIT_SECONDS,
    LONGEST_ASKED_SECONDS,
    LONGEST_WAIT_SECONDS,
    CircuitBreaker,
)
from shared.errors import DependencyUnavailable
from tests.waiting import eventually, stays


class Work:
    """Records each attempt; fails while `down` is set."""

    def __init__(self) -> None:
        self.down = False
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
        if self.down:
            raise DependencyUnavailable("mail server", "refused", retry_after=self.retry_after)


def tripped(breaker: CircuitBreaker, work: Work) -> None:
    work.down = True
    with pytest.raises(DependencyUnavailable):
        breaker.run(work)


def until_done(breaker: CircuitBreaker, work: Work) -> None:
    """Try one piece of work until it is done, as a worker does."""
    while not breaker.stopped:
        try:
            breaker.run(work)
        except DependencyUnavailable:
            continue
        return


def workers(breaker: CircuitBreaker, work: Work, count: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=until_done, args=(breaker, work)) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_it_is_closed_until_an_outage_and_reports_the_reason() -> None:
    breaker, work = CircuitBreaker(), Work()
    breaker.run(work)
    assert breaker.reason is None
    tripped(breaker, work)
    assert breaker.reason == "mail server is unavailable: refused"


def test_the_first_success_closes_it() -> None:
    breaker, work = CircuitBreaker(), Work()
    tripped(breaker, work)
    work.down = False
    breaker.run(work)
    assert breaker.reason is None


def test_another_error_of_the_probe_closes_it() -> None:
    def fail() -> None:
        raise RuntimeError

    breaker, work = CircuitBreaker(), Work()
    tripped(breaker, work)
    with pytest.raises(RuntimeError):
        breaker.run(fail)
    assert breaker.reason is None


class Hurried(threading.Event):
    """Does not wait, and records the requested seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()


def probe(breaker: CircuitBreaker, work: Work, times: int) -> None:
    for _ in range(times):
        tripped(breaker, work)


def test_probe_pauses_grow_up_to_a_limit_and_are_reset_after_an_outage() -> None:
    breaker, work = CircuitBreaker(hurried := Hurried()), Work()
    probe(breaker, work, 8)
    assert hurried.waits == [0.2, 0.4, 0.8, 1.6, 3.2, LONGEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS]
    work.down = False
    breaker.run(work)
    probe(breaker, work, 2)
    assert hurried.waits[-1] == FIRST_WAIT_SECONDS


def test_a_requested_wait_is_limited() -> None:
    breaker, work = CircuitBreaker(hurried := Hurried()), Work()
    work.retry_after = 1e9
    probe(breaker, work, 2)
    work.retry_after = None
    probe(breaker, work, 2)
    assert hurried.waits == [LONGEST_ASKED_SECONDS, LONGEST_ASKED_SECONDS, 0.8]


def test_waiting_workers_probe_in_order() -> None:
    breaker, order = CircuitBreaker(), []
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        assert go.wait(10)
        raise DependencyUnavailable("mail server", "refused")

    def fail(number: int) -> None:
        order.append(number)
        raise DependencyUnavailable("mail server", "refused")

    def once(work: Callable[[], None]) -> None:
        with suppress(DependencyUnavailable):
            breaker.run(work)

    tripped(breaker, Work())
    threads = [threading.Thread(target=once, args=(hold,))]
    threads[0].start()
    assert held.wait(10)
    for number in range(3):
        threads.append(threading.Thread(target=once, args=(partial(fail, number),)))
        threads[-1].start()
        # It is queued for its turn, behind the worker that has the first.
        eventually(lambda asked=number + 2: breaker._turns._last == asked)  # type: ignore[misc]
    go.set()
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2]


def test_probes_happen_one_at_a_time_with_growing_pauses() -> None:
    breaker, work = CircuitBreaker(), Work()
    tripped(breaker, work)
    threads = workers(breaker, work, 4)
    eventually(lambda: len(work.at) >= 3)
    work.down = False
    for thread in threads:
        thread.join()
    pauses = [later - sooner for sooner, later in zip(work.at, work.at[1:3], strict=False)]
    assert pauses[0] >= FIRST_WAIT_SECONDS
    assert pauses[1] >= 2 * FIRST_WAIT_SECONDS


def test_once_it_is_closed_waiting_workers_run_in_parallel() -> None:
    breaker, work = CircuitBreaker(), Work()
    tripped(breaker, work)
    threads = workers(breaker, work, 8)
    work.down, work.seconds = False, 0.2
    for thread in threads:
        thread.join()
    assert work.most_at_once > 1


def test_stopping_releases_waiting_workers_without_further_work() -> None:
    breaker, work = CircuitBreaker(), Work()
    for _ in range(3):
        tripped(breaker, work)
    attempts = len(work.at)
    threads = workers(breaker, work, 4)
    stays(lambda: len(work.at) == attempts)
    breaker.stop()
    for thread in threads:
        thread.join(timeout=2)
    assert not any(thread.is_alive() for thread in threads)
    assert len(work.at) == attempts


def test_after_stopping_nothing_starts_even_if_it_is_closed() -> None:
    breaker, work = CircuitBreaker(), Work()
    breaker.stop()
    breaker.run(work)
    assert work.at == []


def test_it_waits_for_the_requested_time() -> None:
    breaker, work = CircuitBreaker(), Work()
    work.retry_after = 0.8
    tripped(breaker, work)
    [thread] = workers(breaker, work, 1)
    eventually(lambda: len(work.at) == 2)
    work.down = False
    thread.join()
    assert [later - sooner >= 0.8 for sooner, later in pairwise(work.at)] == [True, True]


def test_work_begun_before_it_opened_does_not_affect_it() -> None:
    breaker, slow, failing = CircuitBreaker(), Work(), Work()
    slow.seconds = 0.3
    threads = workers(breaker, slow, 4)
    eventually(lambda: len(slow.at) == 4)
    for _ in range(8):
        threads.append(threading.Thread(target=until_done, args=(breaker, failing)))
    failing.down, failing.seconds = True, 0.05
    for thread in threads[4:]:
        thread.start()
    eventually(lambda: failing.at and breaker.reason)
    for thread in threads[:4]:
        thread.join()
    assert breaker.reason is not None
    failing.down = False
    for thread in threads[4:]:
        thread.join()
    # The eight failures at the same time did not lengthen the first pause.
    assert failing.at[-1] - failing.at[0] < 2
