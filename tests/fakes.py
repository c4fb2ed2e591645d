"""Fakes that record calls in lists."""

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
    """Simulates a crash of the process: no `except Exception` catches it."""


class FakeDelivery:
    """Records in `ended` how it was settled; raises when it is settled a second time."""

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
    """The connection of a subscription. Once it is lost, deliveries can no longer be settled.
    Closing the subscription loses it too, as on every transport.
    """

    def __init__(self) -> None:
        self.lost = threading.Event()


class FakeEffect:
    """Records applied events; raises the entry of `errors` for an event while there is one."""

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
        """Do nothing: this effect keeps no record."""


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

    def problem(self) -> str | None:
        return self._broker.problem

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
    """Delivers the messages in `queue`; `deliveries` records them and how they were settled."""

    def __init__(self, *messages: Message) -> None:
        self.queue = deque(messages)
        self.deliveries: list[FakeDelivery] = []
        self.subscriptions: list[FakeSubscription] = []
        self.prefetch = 0
        self.closed = 0
        self.lacking: list[str] = []
        self.failure: Exception | None = None
        self.problem: str | None = None
        self.held = 0
        self.oldest: datetime | None = None

    def subscribe(self, service: str, *, prefetch: int) -> FakeSubscription:
        self.prefetch = prefetch
        self.subscriptions.append(FakeSubscription(self))
        return self.subscriptions[-1]

    def lose_link(self) -> None:
        """Break the connection; unsettled messages are redelivered."""
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
    """Makes every statement on an engine fail while `is_on`."""

    def __init__(self, engine: Engine) -> None:
        self.is_on = False
        event.listen(engine, "before_cursor_execute", self._refuse)

    def _refuse(self, *_: Any) -> None:
        if self.is_on:
            _raise_unavailable()


def _raise_unavailable() -> NoReturn:
    raise OperationalError("", None, Exception("the database is down"))


@contextmanager
def failing_log(name: str) -> Iterator[None]:
    """Make logging of the event `name` fail, as on a full disk."""

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
    """Call `work` in `count` threads at the same time; returns their results and exceptions."""
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
