"""A fake RabbitMQ with the frames that a publisher needs; a test can silence it."""

import socket
import socketserver
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from pika import frame, spec

#: The reply to each method of a client that opens a connection and a channel.
ANSWERS: dict[type[Any], Any] = {
    spec.Connection.StartOk: spec.Connection.Tune(channel_max=9, frame_max=131072, heartbeat=0),
    spec.Connection.Open: spec.Connection.OpenOk(),
    spec.Channel.Open: spec.Channel.OpenOk(),
    spec.Channel.Close: spec.Channel.CloseOk(),
    spec.Connection.Close: spec.Connection.CloseOk(),
}
START = spec.Connection.Start(
    server_properties={
        "capabilities": {
            "publisher_confirms": True,
            "basic.nack": True,
            "connection.blocked": True,
        }
    },
    mechanisms="PLAIN",
    locales="en_US",
)


class AmqpBroker:
    """`connections` and `goodbyes` are counters; while `is_frozen`, it does nothing."""

    def __init__(self) -> None:
        self.connections = 0
        self.goodbyes = 0
        self.published: list[str | None] = []
        self.confirms = True
        self.is_frozen = threading.Event()
        self._closing = threading.Event()
        self._open: list[_Conversation] = []
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.broker = self
        self.url = f"amqp://guest:guest@127.0.0.1:{self._server.server_address[1]}/"

    def block(self) -> None:
        """Send `connection.blocked` to all connections, as when memory or disk runs low."""
        for each in self._open:
            each.say(0, spec.Connection.Blocked("low on memory"))

    def hang_up(self) -> None:
        """Close all sockets without an AMQP close."""
        while self._open:
            self._open.pop().request.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    broker: AmqpBroker


class _Conversation(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        broker, received, self._sent = self.server.broker, b"", 0
        broker.connections += 1
        broker._open.append(self)
        self.request.recv(len(frame.ProtocolHeader().marshal()))
        self.say(0, START)
        with suppress(OSError):
            while more := self.request.recv(65536):
                if broker.is_frozen.is_set():
                    broker._closing.wait()
                    return
                received += more
                received = self._understand(received)

    def say(self, channel: int, method: Any) -> None:
        self.request.sendall(frame.Method(channel, method).marshal())

    def _understand(self, received: bytes) -> bytes:
        """Answer every complete frame; returns the remaining bytes."""
        while received:
            size, read = frame.decode_frame(received)
            if read is None:
                break
            received = received[size:]
            if isinstance(read, frame.Method):
                self._answer(read.channel_number, read.method)
            elif isinstance(read, frame.Header):
                self._confirm(read)
        return received

    def _answer(self, channel: int, method: Any) -> None:
        self.server.broker.goodbyes += isinstance(method, spec.Connection.Close)
        if answer := ANSWERS.get(type(method)):
            self.say(channel, answer)

    def _confirm(self, header: frame.Header) -> None:
        """Confirm a message when its header arrives; the body is not needed."""
        self._sent += 1
        self.server.broker.published.append(header.properties.message_id)
        if self.server.broker.confirms:
            self.say(header.channel_number, spec.Basic.Ack(self._sent))
