"""A consumer that fails every order of one customer, and is killed once while it moves one of them:
after the broker has confirmed the retry or dead letter, and before the acknowledgement.
"""

import os
from typing import Any

from shared.errors import PermanentError
from shared.events import decode
from shared.transport import Broker, Message
from tests.e2e.parts.composing import Handler, die_once, events_of, run_consumer
from tests.e2e.parts.wrapping import Wrapped

FAILING = "usr-failing"
#: By the kind of move.
ERRORS = {"retry": RuntimeError("try again"), "dead_letter": PermanentError("never")}


def is_moved(message: Message) -> bool:
    return decode(message.body).user_id == FAILING


def failing(handler: Handler) -> Handler:
    def fail(*arguments: Any) -> None:
        if any(event.order.user_id == FAILING for event in events_of(arguments)):
            raise ERRORS[os.environ["MOVE"]]
        handler(*arguments)

    return fail


class DiesWhileMoving(Wrapped):
    """A broker whose subscription acknowledges what it has moved by its own method."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)

    def subscribe(self, service: str, *, prefetch: int) -> Any:
        subscription = self.inner.subscribe(service, prefetch=prefetch)
        acknowledge = subscription.acknowledge

        def dying(delivery: Any) -> None:
            if is_moved(delivery.message):
                die_once()
            acknowledge(delivery)

        subscription.acknowledge = dying
        return subscription


if __name__ == "__main__":
    run_consumer(around=failing, wrap_broker=DiesWhileMoving)
