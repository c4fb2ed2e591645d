"""Publishing events: to every bound queue, and back only when the broker has them all."""

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from pika.channel import Channel

from shared.transport.message import Message
from shared.transport.names import EVENTS_EXCHANGE
from shared.transport.rabbitmq_confirms import outgoing
from shared.transport.rabbitmq_link import Link

#: Longer than the broker may take to say that it is blocked, so that this reason is the one told.
CONFIRM_TIMEOUT = 30.0

#: The routing key of a message that has no type: it reaches every service, which then judges it.
UNTYPED = "order.untyped"


class RabbitPublisher:
    """Safe for several threads; their batches share one connection."""

    def __init__(self, url: str, *, confirm_timeout: float = CONFIRM_TIMEOUT) -> None:
        self._url = url
        self._confirm_timeout = confirm_timeout
        self._lock = threading.Lock()
        self._link: Link | None = None

    def publish(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        batch = [
            outgoing(message, EVENTS_EXCHANGE, message.type or UNTYPED) for message in messages
        ]
        self._connected().publish(batch, timeout=self._confirm_timeout)

    def _connected(self) -> Link:
        with self._lock:
            if self._link is None or self._link.gone:
                self._link = Link(self._url, "publisher", start=_start)
            return self._link

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


def _start(link: Link, _channel: Channel) -> None:
    link.opened()
