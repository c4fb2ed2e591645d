"""A connection on which a consumer publishes; opened when first used, reopened when lost."""

import threading
from collections.abc import Callable, Sequence

from pika.channel import Channel

from shared.transport.rabbitmq.confirms import Batch, Outgoing
from shared.transport.rabbitmq.connection import Link


class RabbitOutgoing:
    """Thread-safe. It keeps waiting while the broker is short of memory or disk space."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._lock = threading.Lock()
        self._link: Link | None = None

    def send(self, messages: Sequence[Outgoing], when_done: Callable[[Batch], None]) -> Batch:
        """Like `Link.send`. Raises BrokerUnavailable."""
        return self._connected().send(messages, when_done)

    def _connected(self) -> Link:
        with self._lock:
            if self._link is None or self._link.gone:
                self._link = Link(self._url, self._name, start=_start, outlasts_alarms=True)
            return self._link

    def close(self) -> None:
        with self._lock:
            if self._link:
                self._link.close()


def _start(link: Link, _channel: Channel) -> None:
    link.opened()
