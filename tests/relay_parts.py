"""For relay tests: a recording broker, and a way to run a relay."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from services.order.relay.loop import Relay
from shared.transport import Archive, DeadLetters, Depth, Message, Subscription

CONSUMERS = ("email", "sms")


class RecordingBroker:
    """Confirms everything unless `fault` raises.

    `published` has all messages in publishing order, `batches` the size of each call.
    """

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.batches: list[int] = []
        self.lacking: list[str] = []
        self.checks = 0
        self.fault: Callable[[Sequence[Message]], None] | None = None

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.published]

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        self.checks += 1
        return self.lacking

    def publisher(self) -> "RecordingPublisher":
        return RecordingPublisher(self)

    def declare(self, services: Sequence[str]) -> None:
        raise NotImplementedError

    def different(self, services: Sequence[str]) -> Sequence[str]:
        raise NotImplementedError

    def depth(self, service: str) -> Depth:
        raise NotImplementedError

    def subscribe(self, service: str, *, prefetch: int) -> Subscription:
        raise NotImplementedError

    def dead_letters(self, service: str) -> DeadLetters:
        raise NotImplementedError

    def archive(self, service: str) -> Archive:
        raise NotImplementedError

    def past(self) -> None:
        raise NotImplementedError


class RecordingPublisher:
    def __init__(self, broker: RecordingBroker) -> None:
        self._broker = broker

    def publish(self, messages: Sequence[Message]) -> None:
        if self._broker.fault is not None:
            self._broker.fault(messages)
        self._broker.published += messages
        self._broker.batches.append(len(messages))

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def running(relay: Relay) -> Iterator[threading.Event]:
    """Run the relay; the yielded event is set when an error ends it."""
    died = threading.Event()
    relay.start(died.set)
    try:
        yield died
    finally:
        relay.stop()
