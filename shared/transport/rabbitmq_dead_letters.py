"""The dead letter queue of one service, for people: look, send back, throw away."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import cast

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError, UnroutableError

from shared.errors import PublishFailed
from shared.transport.message import DeadLetter
from shared.transport.names import RETRY_EXCHANGE, dead_letter_queue, work_queue
from shared.transport.rabbitmq_topology import DELIVERY_LIMIT
from shared.transport.rabbitmq_wire import (
    AT_HEADER,
    REASON_HEADER,
    brief_channel,
    properties,
    read,
    text,
)

#: RabbitMQ returns what was looked at in an order of its own. With no more than this many in
#: the queue, all are looked at and sorted, so that the oldest are really the oldest.
SORTED = 1000

Act = Callable[[DeadLetter], None]


class RabbitDeadLetters:
    def __init__(self, url: str, service: str) -> None:
        self._url = url
        self._work = work_queue(service)
        self._queue = dead_letter_queue(service)

    def browse(self, limit: int) -> Sequence[DeadLetter]:
        with self._channel() as channel:
            letters = [letter for _tag, letter in self._walk(channel, max(limit, SORTED))]
        return sorted(letters, key=lambda letter: letter.at)[:limit]

    def redrive(self, handles: Collection[str] | None = None) -> Sequence[DeadLetter]:
        with self._channel() as channel:
            channel.confirm_delivery()
            return self._remove(channel, handles, partial(self._send_back, channel))

    def discard(self, handles: Collection[str] | None = None) -> Sequence[DeadLetter]:
        with self._channel() as channel:
            return self._remove(channel, handles, lambda _letter: None)

    @contextmanager
    def _channel(self) -> Iterator[BlockingChannel]:
        """A channel that in the end returns all that was fetched and not acknowledged."""
        with brief_channel(self._url, self._queue) as channel:
            yield channel
            # Without this, closing would return them too, but RabbitMQ 4.3 counts that as a
            # failure of the message.
            channel.basic_nack(0, multiple=True, requeue=True)

    def _remove(
        self, channel: BlockingChannel, handles: Collection[str] | None, act: Act
    ) -> list[DeadLetter]:
        removed = []
        chosen = None if handles is None else frozenset(handles)
        for tag, letter in self._walk(channel, self._count(channel)):
            if chosen is None or letter.handle in chosen:
                act(letter)
                channel.basic_ack(tag)
                removed.append(letter)
        return removed

    def _count(self, channel: BlockingChannel) -> int:
        """How many there are now: those that come back in the meantime are not taken again."""
        return int(channel.queue_declare(self._queue, passive=True).method.message_count)

    def _walk(self, channel: BlockingChannel, limit: int) -> Iterator[tuple[int, DeadLetter]]:
        for _ in range(limit):
            method, properties, body = channel.basic_get(self._queue)
            if method is None or properties is None or body is None:
                return
            yield cast(int, method.delivery_tag), self._letter(properties, body)

    def _send_back(self, channel: BlockingChannel, letter: DeadLetter) -> None:
        message = letter.message.as_new()
        try:
            channel.basic_publish(
                RETRY_EXCHANGE, self._work, message.body, properties(message), mandatory=True
            )
        except (UnroutableError, NackError) as error:
            raise PublishFailed(f"{self._work} did not take {letter.handle}: {error!r}") from error

    def _letter(self, properties: pika.BasicProperties, body: bytes) -> DeadLetter:
        headers = properties.headers or {}
        reason, at = text(headers.get(REASON_HEADER)), text(headers.get(AT_HEADER))
        for death in self._deaths(headers.get("x-death"))[:1]:
            reason, at = _in_words(text(death.get("reason"))), text(death.get("time"))
        return DeadLetter(read(properties, body), reason or "no reason was given", at)

    def _deaths(self, deaths: object) -> list[dict[str, object]]:
        """The broker's own records of giving this message up, where it did; the newest is first."""
        records = deaths if isinstance(deaths, list) else []
        mine = [record for record in records if isinstance(record, dict)]
        return [record for record in mine if record.get("queue") == self._work]


def _in_words(reason: str) -> str:
    if reason == "delivery_limit":
        return f"delivery limit: it came back more than {DELIVERY_LIMIT} times, never settled"
    return f"given up by the broker: {reason}"
