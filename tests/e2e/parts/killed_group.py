"""A consumer that is killed once, with GROUP events claimed, of which half have been sent."""

import itertools
import os
import threading
from typing import Any

from tests.e2e.parts.composing import Handler, die_once, run_consumer

GROUP = 8
SENT = GROUP // 2


def half_sent(handler: Handler) -> Handler:
    numbers = itertools.count()
    all_claimed = threading.Barrier(GROUP)
    half_are_sent = threading.Barrier(SENT, action=die_once)

    def dying(*arguments: Any) -> None:
        number = next(numbers)
        # Called only after the claim was committed.
        all_claimed.wait(60)
        if number < SENT:
            handler(*arguments)
            half_are_sent.wait(60)
        threading.Event().wait()

    return dying


if __name__ == "__main__":
    os.environ["CONCURRENCY"] = str(GROUP)
    run_consumer(around=half_sent)
