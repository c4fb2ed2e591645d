"""A connection to RabbitMQ with its own thread, so that heartbeats are never delayed."""

import threading
from collections.abc import Callable, Sequence
from functools import partial

import pika
from pika.channel import Channel

from shared.errors import BrokerUnavailable
from shared.transport.rabbitmq.confirms import Batch, Confirms, Outgoing
from shared.transport.rabbitmq.headers import TolerantConnection
from shared.transport.rabbitmq.wire import explain, parameters

#: Longer than the connection's own timeouts for connecting.
OPEN_TIMEOUT = 25.0
CLOSE_TIMEOUT = 5.0

Start = Callable[["Link", Channel], None]


def _nothing() -> None: ...


def _ignore(_batch: Batch) -> None: ...


class Link:
    """One connection with one channel in confirm mode.

    pika's objects belong to one thread: other threads pass work to it with `call`. A lost link is
    never reopened; create another one.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        start: Start,
        on_gone: Callable[[], None] = _nothing,
        outlasts_alarms: bool = False,
        close_timeout: float = CLOSE_TIMEOUT,
    ) -> None:
        """Connect; return once `start`, called in the link's thread, has caused a call of
        `opened`. `close_timeout`: seconds within which the broker has to confirm a close.
        """
        self._start = start
        self._on_gone = on_gone
        self._close_timeout = close_timeout
        self._lock = threading.Lock()
        self._gone = ""
        self._opened = threading.Event()
        self._batches: set[Batch] = set()
        to = parameters(url, name)
        if outlasts_alarms:
            to.blocked_connection_timeout = None
        self._connection = TolerantConnection(
            to,
            on_open_callback=self._on_connection,
            on_open_error_callback=self._on_connection_lost,
            on_close_callback=self._on_connection_lost,
        )
        self._thread = threading.Thread(target=self._run, name=f"amqp {name}", daemon=True)
        self._thread.start()
        if not self._opened.wait(OPEN_TIMEOUT):
            self.drop("it did not respond in time")
        self.check()

    @property
    def gone(self) -> bool:
        return bool(self._gone)

    def check(self) -> None:
        """Raise BrokerUnavailable if the link is lost."""
        if self._gone:
            raise BrokerUnavailable(self._gone)

    def opened(self) -> None:
        self._opened.set()

    def call(self, work: Callable[[], None]) -> None:
        """Run `work` in the link's thread, after all earlier calls. Raises BrokerUnavailable."""
        with self._lock:
            self.check()
            self._connection.ioloop.add_callback_threadsafe(partial(self._while_open, work))

    def publish(self, messages: Sequence[Outgoing], *, timeout: float) -> None:
        """Return once all are confirmed. Raises PublishFailed or BrokerUnavailable."""
        batch = self.send(messages)
        if not batch.wait(timeout):
            self.drop(f"no confirmation within {timeout:g} s")
        batch.check()

    def send(
        self, messages: Sequence[Outgoing], when_done: Callable[[Batch], None] = _ignore
    ) -> Batch:
        """Publish without waiting. `when_done` is called once all replies have arrived or the link
        is lost; from any thread, and before `wait` returns.
        """

        def done() -> None:
            self._batches.discard(batch)
            when_done(batch)

        batch = Batch(messages, when_done=done)
        self._batches.add(batch)
        self.call(lambda: self._confirms.send(batch))
        return batch

    def drop(self, reason: str) -> None:
        """Abandon the link, from any thread, without waiting."""
        with self._lock:
            if self._gone:
                return
            self._gone = f"RabbitMQ: {reason}"
            self._connection.ioloop.add_callback_threadsafe(self._hang_up)
        self._notify_all()

    def close(self) -> None:
        """Close cleanly, after all earlier calls."""
        self.drop("the connection was closed by this side")
        self._thread.join(2 * self._close_timeout)

    def _run(self) -> None:
        try:
            self._connection.ioloop.start()
        finally:
            self._end("the connection's thread ended")
            self._connection.ioloop.close()

    def _on_connection(self, connection: pika.SelectConnection) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_lost)
        self._channel = channel
        self._confirms = Confirms(channel)
        self._start(self, channel)

    def _while_open(self, work: Callable[[], None]) -> None:
        # Work that was passed just before the channel closed is too late: its callers got an
        # error, or the broker redelivers.
        if self._channel.is_open:
            work()

    def _on_channel_lost(self, _channel: Channel, error: BaseException) -> None:
        self.drop(explain(error))

    def _on_connection_lost(self, connection: pika.SelectConnection, error: BaseException) -> None:
        self._end(explain(error))
        connection.ioloop.stop()

    def _hang_up(self) -> None:
        # A broker that no longer responds, or is short of memory, does not confirm a close either.
        self._connection.ioloop.call_later(self._close_timeout, self._connection.abort)
        self._connection.ioloop.call_later(1.2 * self._close_timeout, self._connection.ioloop.stop)
        if not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()

    def _end(self, reason: str) -> None:
        with self._lock:
            self._gone = self._gone or f"RabbitMQ: {reason}"
        self._notify_all()

    def _notify_all(self) -> None:
        for batch in list(self._batches):
            batch.lose(self._gone)
        self._opened.set()
        self._on_gone()
