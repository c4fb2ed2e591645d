"""A consumer that is killed once, at the point AT of its first event."""

import os
from typing import Any

from tests.e2e.parts.composing import Handler, die_once, run_consumer
from tests.e2e.parts.wrapping import BeforeAck


def before_effect(handler: Handler) -> Handler:
    def dying(*arguments: Any) -> None:
        die_once()
        handler(*arguments)

    return dying


def before_commit(handler: Handler) -> Handler:
    """The effect has happened (in an open transaction, or externally) but is not recorded yet."""

    def dying(*arguments: Any) -> None:
        handler(*arguments)
        die_once()

    return dying


def main() -> None:
    at = os.environ["AT"]
    if at == "before_ack":
        run_consumer(wrap_broker=lambda broker: BeforeAck(broker, die_once))
    else:
        run_consumer(around={"before_effect": before_effect, "before_commit": before_commit}[at])


if __name__ == "__main__":
    main()
