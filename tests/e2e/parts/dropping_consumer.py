"""A consumer that acknowledges one event in a hundred without its effect: no. 100, 200, …"""

import threading
from typing import Any

from tests.e2e.parts.composing import Handler, events_of, run_consumer

EVERY = 100


def dropping(handler: Handler) -> Handler:
    """For a handler that takes one event at a time, from several threads."""
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
