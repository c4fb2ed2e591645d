"""A consumer that acknowledges every hundredth event without its effect."""

import threading
from typing import Any

from tests.e2e.parts.composing import Handler, events_of, run_consumer

EVERY = 100


def dropping(handler: Handler) -> Handler:
    """Wraps a handler that is called with one event at a time, by several threads."""
    lock = threading.Lock()
    seen = 0

    def faulty(*arguments: Any) -> None:
        nonlocal seen
        with lock:
            seen += len(events_of(arguments))
            is_dropped = seen % EVERY == 0
        if not is_dropped:
            handler(*arguments)

    return faulty


if __name__ == "__main__":
    run_consumer(around=dropping)
