"""A consumer with a fault that the audit has to find, for orders of the customer usr-fault.

FAULT is `forgets` (acknowledges without the effect) or `twice` (the effect twice, the second
time as if it were another event, so that no inbox, key or constraint can help).
"""

import os
import uuid
from typing import Any

from msgspec.structs import replace

from tests.e2e.parts.composing import Handler, events_of, run_consumer

CUSTOMER = "usr-fault"


def forgets(handler: Handler) -> Handler:
    def faulty(*arguments: Any) -> None:
        kept = [e for e in events_of(arguments) if e.order.user_id != CUSTOMER]
        _call(handler, arguments, kept)

    return faulty


def twice(handler: Handler) -> Handler:
    def faulty(*arguments: Any) -> None:
        handler(*arguments)
        again = [
            replace(event, id=str(uuid.uuid4()))
            for event in events_of(arguments)
            if event.order.user_id == CUSTOMER
        ]
        _call(handler, arguments, again)

    return faulty


def _call(handler: Handler, arguments: tuple[Any, ...], events: list[Any]) -> None:
    if len(arguments) == 2:
        if events:
            handler(arguments[0], events)
    else:
        for event in events:
            handler(event)


if __name__ == "__main__":
    run_consumer(around={"forgets": forgets, "twice": twice}[os.environ["FAULT"]])
