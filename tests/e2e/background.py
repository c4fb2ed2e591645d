"""Work in a thread of its own while a block runs."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def again_and_again(work: Callable[[], object], *, pause: float = 0.0) -> Iterator[None]:
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(pause):
            work()

    with in_background(repeat):
        try:
            yield
        finally:
            is_over.set()


@contextmanager
def in_background(work: Callable[[], object]) -> Iterator[Future[object]]:
    """Run `work` in a thread during the block; afterwards raises what it raised."""
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(work)
        yield future
    future.result()
