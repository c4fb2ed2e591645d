"""The dead letter queue of one service: browse, redrive, discard."""

import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, cast

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError, UnroutableError

from shared.errors import PublishFailed
from shared.transport.message import PART, DeadLetter, moving
from shared.transport.names import RETRY_EXCHANGE, dead_letter_queue, work_queue
from shared.transport.rabbitmq.wire import (
    AT_HEADER,
    REASON_HEADER,
    brief_channel,
    properties,
    read,
    text,
)

#: RabbitMQ requeues letters that were read in an arbitrary order. Up to this many, all letters are
#: read and sorted, so that the oldest are correct.
SORTED = 1000
#: Seconds. Waits this long only if another client reads the same letters.
BACK_WITHIN = 2.0

Act = Callable[[DeadLetter], None]


class FoundLetter(NamedTuple):
    tag: int
    properties: pika.BasicProperties
    body: bytes


class Hand:
    """Takes letters from a queue, removes some of them, and requeues the others."""

    def __init__(self, channel: BlockingChannel, queue: str) -> None:
        self.channel = channel
        self._queue = queue
        self._held = 0

    def count(self) -> int:
        """The number of letters now, which bounds `take`: requeued letters are not taken again."""
        return int(self.channel.queue_declare(self._queue, passive=True).method.message_count)

    def take(self, limit: int) -> Iterator[FoundLetter]:
        for _ in range(limit):
            method, properties, body = self.channel.basic_get(self._queue)
            if method is None or properties is None or body is None:
                return
            self._held += 1
            yield FoundLetter(cast(int, method.delivery_tag), properties, body)

    def remove(self, found: FoundLetter) -> None:
        self.channel.basic_ack(found.tag)
        self._held -= 1

    def put_back(self, within: float = BACK_WITHIN) -> None:
        """Requeue the held letters, and wait until the queue has them: RabbitMQ does not confirm a
        requeue, and a count right after it would be too low.
        """
        # Closing the channel would requeue them too, but RabbitMQ 4.3 counts that as a failed
        # delivery.
        whole = self.count() + self._held
        self.channel.basic_nack(0, multiple=True, requeue=True)
        deadline = time.monotonic() + within
        while self.count() < whole and time.monotonic() < deadline:
            self.channel.connection.sleep(0.01)


class RabbitDeadLetters:
    def __init__(self, url: str, service: str) -> None:
        self._url = url
        self._work = work_queue(service)
        self._queue = dead_letter_queue(service)

    def count(self) -> int:
        with brief_channel(self._url, self._queue) as channel:
            return Hand(channel, self._queue).count()

    def browse(self, limit: int) -> Sequence[DeadLetter]:
        with self._opened() as hand:
            letters = [self._letter(found) for found in hand.take(max(limit, SORTED))]
        return sorted(letters, key=lambda letter: letter.at)[:limit]

    def scan(self) -> Generator[DeadLetter, None, None]:
        with self._opened() as hand:
            for found in hand.take(hand.count()):
                yield self._letter(found)

    def redrive(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        with moving() as moved, self._opened() as hand:
            hand.channel.confirm_delivery()
            act = partial(self._send_back, hand.channel)
            self._remove(hand, self._chosen(hand, handles, most), act, moved)
        return moved

    def discard(
        self, handles: Collection[str] | None = None, *, most: int = PART
    ) -> Sequence[DeadLetter]:
        with moving() as moved, self._opened() as hand:
            self._remove(hand, self._chosen(hand, handles, most), lambda _letter: None, moved)
        return moved

    @contextmanager
    def _opened(self) -> Iterator[Hand]:
        with brief_channel(self._url, self._queue) as channel:
            hand = Hand(channel, self._queue)
            try:
                yield hand
            except GeneratorExit:
                # A scan that was stopped early.
                hand.put_back()
                raise
            hand.put_back()

    def _chosen(
        self, hand: Hand, handles: Collection[str] | None, most: int
    ) -> Iterator[tuple[FoundLetter, DeadLetter]]:
        names = None if handles is None else frozenset(handles)
        there = hand.count()
        for found in hand.take(there if names is not None else min(most, there)):
            letter = self._letter(found)
            if names is None or letter.handle in names:
                yield found, letter

    def _remove(
        self,
        hand: Hand,
        chosen: Iterable[tuple[FoundLetter, DeadLetter]],
        act: Act,
        removed: list[DeadLetter],
    ) -> None:
        for found, letter in chosen:
            act(letter)
            removed.append(letter)
            hand.remove(found)

    def _send_back(self, channel: BlockingChannel, letter: DeadLetter) -> None:
        message = letter.message.as_new()
        try:
            channel.basic_publish(
                RETRY_EXCHANGE, self._work, message.body, properties(message), mandatory=True
            )
        except (UnroutableError, NackError) as error:
            raise PublishFailed(f"{self._work} refused {letter.handle}: {error!r}") from error

    def _letter(self, found: FoundLetter) -> DeadLetter:
        headers = found.properties.headers or {}
        reason, at = text(headers.get(REASON_HEADER)), text(headers.get(AT_HEADER))
        for death in self._deaths(headers.get("x-death"))[:1]:
            reason, at = _in_words(text(death.get("reason"))), text(death.get("time"))
        return DeadLetter(read(found.properties, found.body), reason or "no reason was given", at)

    def _deaths(self, deaths: object) -> list[dict[str, object]]:
        """The broker's own records of dead-lettering this message, if it did; newest first."""
        records = deaths if isinstance(deaths, list) else []
        mine = [record for record in records if isinstance(record, dict)]
        return [record for record in mine if record.get("queue") == self._work]


def _in_words(reason: str) -> str:
    if reason == "delivery_limit":
        return "delivery limit: it was redelivered more often than its queue allows"
    return f"given up by the broker: {reason}"
