"""Stand-ins that record in lists what was done to them."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, NoReturn, Self

import structlog
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from shared.consuming.effect import Applied
from shared.errors import BrokerUnavailable
from shared.events import Event
from shared.transport import Archive, DeadLetters, Depth, Failure, Message, Publisher


class Death(BaseException):
    """What a test raises where a process would die: no `except Exception` cleans up behind it."""


class FakeDelivery:
    """Records in `ended` the one verb in which it ended; raises where that would be a second."""

    def __init__(self, message: Message, *, link: "FakeLink | None" = None) -> None:
        self.message = message
        self.ended: list[tuple[Any, ...]] = []
        self._link = link or FakeLink()

    def ack(self) -> None:
        self._end("ack")

    def retry(self, after: float, failure: Failure | None) -> None:
        self._end("retry", after, failure and failure.reason)

    def dead_letter(self, reason: str) -> None:
        self._end("dead_letter", reason)

    def _end(self, *how: Any) -> None:
        if self._link.lost.is_set():
            raise BrokerUnavailable("the link is lost")
        assert not self.ended, f"ended in {self.ended} and then in {how}"
        self.ended.append(how)


class FakeLink:
    """The connection that deliveries came over; once lost, nothing can be settled over it. The
    end of a subscription loses it as well, on every transport.
    """

    def __init__(self) -> None:
        self.lost = threading.Event()


class FakeEffect:
    """Records what was applied; raises what `errors` holds for an event, as long as it does."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.alone: list[str] = []
        self.applied: list[str] = []
        self.gave_up: list[str] = []
        self.errors: dict[str, BaseException] = {}
        self.suspects: set[str] = set()

    def apply(self, events: Sequence[Event], *, alone: bool = False) -> Applied:
        ids = [event.id for event in events]
        self.batches.append(ids)
        for id in ids:
            if id in self.errors:
                raise self.errors[id]
        suspects = frozenset() if alone else frozenset(self.suspects.intersection(ids))
        before = frozenset(ids).intersection(self.applied)
        now = frozenset(ids) - before - suspects
        self.applied += now
        self.alone += ids if alone else []
        return Applied(now=now, before=before, suspects=suspects)

    def given_up(self, event_id: str) -> None:
        self.gave_up.append(event_id)

    def record_the_rest(self) -> None:
        """Nothing: it has no record."""


class FakeSubscription:
    def __init__(self, broker: "FakeBroker") -> None:
        self._broker = broker
        self.link = FakeLink()

    def receive(self, max_messages: int, timeout: float) -> Sequence[FakeDelivery]:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.link.lost.is_set():
                raise BrokerUnavailable("the link is lost")
            if self._broker.failure:
                raise self._broker.failure
            if taken := self._take(max_messages):
                return taken
            time.sleep(0.002)
        return []

    def _take(self, max_messages: int) -> list[FakeDelivery]:
        queue = self._broker.queue
        messages = [queue.popleft() for _ in range(min(max_messages, len(queue)))]
        deliveries = [FakeDelivery(message, link=self.link) for message in messages]
        self._broker.deliveries += deliveries
        return deliveries

    def trouble(self) -> str | None:
        return self._broker.trouble

    def held(self) -> int:
        return self._broker.held

    def close(self) -> None:
        self.link.lost.set()
        self._broker.closed += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class FakeBroker:
    """Delivers what lies in `queue`; what was delivered, and how it ended, is in `deliveries`."""

    def __init__(self, *messages: Message) -> None:
        self.queue = deque(messages)
        self.deliveries: list[FakeDelivery] = []
        self.subscriptions: list[FakeSubscription] = []
        self.prefetch = 0
        self.closed = 0
        self.lacking: list[str] = []
        self.failure: Exception | None = None
        self.trouble: str | None = None
        self.held = 0
        self.oldest: datetime | None = None

    def subscribe(self, service: str, *, prefetch: int) -> FakeSubscription:
        self.prefetch = prefetch
        self.subscriptions.append(FakeSubscription(self))
        return self.subscriptions[-1]

    def lose_link(self) -> None:
        """Break the connection; what was not settled is delivered again."""
        self.subscriptions[-1].link.lost.set()
        self.queue.extend(delivery.message for delivery in self.deliveries if not delivery.ended)

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        return self.lacking

    def ended(self) -> list[tuple[Any, ...]]:
        return [how for delivery in self.deliveries for how in delivery.ended]

    def declare(self, services: Sequence[str]) -> None:
        raise NotImplementedError

    def different(self, services: Sequence[str]) -> Sequence[str]:
        raise NotImplementedError

    def depth(self, service: str) -> Depth:
        raise NotImplementedError

    def publisher(self) -> Publisher:
        raise NotImplementedError

    def dead_letters(self, service: str) -> DeadLetters:
        raise NotImplementedError

    def archive(self, service: str) -> Archive:
        raise NotImplementedError

    def past(self) -> datetime | None:
        return self.oldest


class Outage:
    """Takes a database away, from one statement to the next, and brings it back."""

    def __init__(self, engine: Engine) -> None:
        self.is_on = False
        event.listen(engine, "before_cursor_execute", self._refuse)

    def _refuse(self, *_: Any) -> None:
        if self.is_on:
            _raise_away()


def _raise_away() -> NoReturn:
    raise OperationalError("", None, Exception("the database is away"))


@contextmanager
def log_that_refuses(name: str) -> Iterator[None]:
    """Raises where this line should be logged, as a log on a full disk might."""

    def refuse(_logger: Any, _method: str, line: Any) -> Any:
        if line["event"] == name:
            raise OSError("no space left on device")
        return line

    # In place, as structlog's own capture_logs does: a logger keeps the list that it has.
    processors = structlog.get_config()["processors"]
    processors.insert(0, refuse)
    try:
        yield
    finally:
        processors.remove(refuse)


def in_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    """Do the same at the same time; returns what each returned or raised."""
    results: list[Any] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 (the test looks at it)
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def the_only(things: Collection[Any]) -> Any:
    [thing] = things
    return thing
