"""Part 1: services called in turn. Change `call_all` so that the calls run at the same time."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor  # noqa: F401 - a hint

import pytest

Call = Callable[[], None]


def call_all(calls: Sequence[Call]) -> None:
    """Returns when all calls have ended. Raises an exception that one of them raised."""
    for call in calls:
        call()


# The tests. Leave them as they are.


def test_calls_run_at_the_same_time() -> None:
    # The barrier blocks each call until three of them have reached it.
    barrier = threading.Barrier(3)

    call_all([lambda: meet(barrier)] * 3)


def test_the_error_of_a_call_is_raised() -> None:
    def fails() -> None:
        raise ConnectionRefusedError("email is down")

    with pytest.raises(ConnectionRefusedError):
        call_all([lambda: None, fails, lambda: None])


def meet(barrier: threading.Barrier) -> None:
    barrier.wait(timeout=0.5)
