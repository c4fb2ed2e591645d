"""Part 1: one call after the other. Change `call_all`, so that none waits for another."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor  # noqa: F401 - a hint

import pytest

Call = Callable[[], None]


def call_all(calls: Sequence[Call]) -> None:
    """Returns when all calls have ended; raises what one of them raises."""
    for call in calls:
        call()


# What it has to do. Leave this as it is.


def test_nobody_waits_for_another() -> None:
    # The barrier lets nobody through until three are there.
    barrier = threading.Barrier(3)

    call_all([lambda: meet(barrier)] * 3)


def test_a_call_that_fails_is_not_hushed_up() -> None:
    def fails() -> None:
        raise ConnectionRefusedError("email is away")

    with pytest.raises(ConnectionRefusedError):
        call_all([lambda: None, fails, lambda: None])


def meet(barrier: threading.Barrier) -> None:
    barrier.wait(timeout=0.5)
