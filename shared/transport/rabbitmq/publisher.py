"""Publishes events to every bound queue; returns once the broker has confirmed all of them."""

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from pika.channel import Channel

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport.message import Message
from shared.transport.names import EVENTS_EXCHANGE, EVENTS_STREAM
from shared.transport.rabbitmq.confirms import Outgoing, outgoing
from shared.transport.rabbitmq.connection import Link

#: Longer than `blocked_connection_timeout`, so that a blocked broker is reported as such.
CONFIRM_TIMEOUT = 30.0

#: The default of `max_message_size` in RabbitMQ 4.
LARGEST_BODY = 16 * 1024 * 1024

#: The routing key of a message without a type: it reaches every service, which dead-letters it.
UNTYPED = "order.untyped"


class RabbitPublisher:
    """Thread-safe; the batches of several threads share one connection."""

    def __init__(self, url: str, *, confirm_timeout: float = CONFIRM_TIMEOUT) -> None:
        self._url = url
        self._confirm_timeout = confirm_timeout
        self._lock = threading.Lock()
        self._link: Link | None = None

    def publish(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        batch, refused = _prepared(messages)
        reason = next(iter(refused.values()), None)
        blameless: frozenset[str] = frozenset()
        try:
            self._connected().publish(batch, timeout=self._confirm_timeout)
            confirmed = frozenset(each.id for each in batch)
        except PublishFailed as failed:
            confirmed, blameless, reason = failed.confirmed, failed.blameless, failed
        if reason:
            raise PublishFailed(
                str(reason),
                confirmed=confirmed - refused.keys(),
                blameless=blameless - refused.keys(),
            )

    def _connected(self) -> Link:
        with self._lock:
            if self._link is None or self._link.gone:
                self._link = self._connect()
            return self._link

    def _connect(self) -> Link:
        try:
            return Link(self._url, "publisher", start=_start)
        except BrokerUnavailable as error:
            # The stream was never declared (it is not just unavailable), so no work queue was.
            if f"no queue '{EVENTS_STREAM}'" in str(error):
                raise PublishFailed(f"run the topology step first: {error}") from error
            raise

    def close(self) -> None:
        with self._lock:
            if self._link:
                self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def _prepared(messages: Sequence[Message]) -> tuple[list[Outgoing], dict[str, PublishFailed]]:
    """The messages that can be sent, and the error for each of the others by id."""
    ready, refused = [], {}
    for message in messages:
        try:
            ready.append(_prepare(message))
        except PublishFailed as failed:
            refused[message.id] = failed
    return ready, refused


def _prepare(message: Message) -> Outgoing:
    # The broker would close the connection, and lose all other messages in flight on it.
    if len(message.body) > LARGEST_BODY:
        raise PublishFailed(
            f"RabbitMQ 4 accepts {LARGEST_BODY} bytes, and the body has {len(message.body)}"
        )
    return outgoing(message, EVENTS_EXCHANGE, message.type or UNTYPED)


def _start(link: Link, channel: Channel) -> None:
    """Open the link once the stream is available, which takes longest when a broker starts.

    Before that, RabbitMQ would confirm events in the work queues without storing them for replays.
    """
    channel.queue_declare(EVENTS_STREAM, passive=True, callback=lambda _frame: link.opened())
