"""A consumer that crashes on every order of the customer usr-poison."""

from typing import Any

from tests.e2e.parts.composing import Handler, die, events_of, run_consumer

POISON = "usr-poison"


def poisoned(handler: Handler) -> Handler:
    def dying(*arguments: Any) -> None:
        if any(event.order.user_id == POISON for event in events_of(arguments)):
            die()
        handler(*arguments)

    return dying


if __name__ == "__main__":
    run_consumer(around=poisoned)
