"""Publisher confirms: many messages on their way at once, and an answer for each."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pika
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic

from shared.errors import BrokerUnavailable, PublishFailed
from shared.transport.message import Message
from shared.transport.rabbitmq.wire import properties, short

REFUSED = (
    "the broker refused it: a queue that it should reach is deleted, unbound or full "
    "(the topology step binds again what it needs)"
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as it is handed to pika."""

    id: str
    exchange: str
    routing_key: str
    properties: pika.BasicProperties
    body: bytes

    def is_what_came_back(
        self, method: Basic.Return, properties: pika.BasicProperties, body: bytes
    ) -> bool:
        return (
            properties.message_id == self.properties.message_id
            and method.routing_key == self.routing_key
            and method.exchange == self.exchange
            and body == self.body
        )


def outgoing(
    message: Message, exchange: str, routing_key: str, extra: dict[str, str] | None = None
) -> Outgoing:
    """Raises PublishFailed for a routing key (the event's type) that AMQP cannot carry."""
    if routing_key and not short(routing_key):
        raise PublishFailed(f"a routing key holds at most 255 bytes, not {routing_key[:60]}…")
    return Outgoing(message.id, exchange, routing_key, properties(message, extra), message.body)


class Batch:
    """Messages published together. Written to by the connection's thread, awaited by another."""

    def __init__(
        self, messages: Sequence[Outgoing], *, when_done: Callable[[], None] = lambda: None
    ) -> None:
        """`when_done` is called once, in the connection's thread, before `wait` returns."""
        self.messages = messages
        self._when_done = when_done
        self._failures: dict[int, str] = {}
        self._lost = ""
        self._open = len(messages)
        self._done = threading.Event()

    def settle(self, position: int, failure: str) -> None:
        if failure:
            self._failures[position] = failure
        self._open -= 1
        if not self._open:
            self._end()

    def lose(self, reason: str) -> None:
        """The connection went before every answer had come."""
        if not self._done.is_set():
            self._lost = reason
            self._end()

    def _end(self) -> None:
        self._when_done()
        self._done.set()

    def wait(self, timeout: float) -> bool:
        return self._done.wait(timeout)

    def check(self) -> None:
        """Raises what became of the batch, unless every message was confirmed."""
        if self._lost:
            raise BrokerUnavailable(self._lost)
        if self._failures:
            raise PublishFailed(
                self._reason(), confirmed=self._confirmed(), blameless=self._blameless()
            )

    def _reason(self) -> str:
        first = self._failures[min(self._failures)]
        return f"{len(self._failures)} of {len(self.messages)} messages were not taken: {first}"

    def _confirmed(self) -> frozenset[str]:
        # An id that was published twice counts as confirmed only when both were.
        failed = {self.messages[position].id for position in self._failures}
        return frozenset(message.id for message in self.messages) - failed

    def _blameless(self) -> frozenset[str]:
        """A queue that is full for a moment refuses some and takes what comes after them."""
        refused = [at for at, failure in self._failures.items() if failure == REFUSED]
        returned = self._failures.keys() - refused
        return frozenset(self.messages[at].id for at in refused) - {
            self.messages[at].id for at in returned
        }


class Confirms:
    """What was published on one channel and still waits for its answer.

    Lives in the connection's thread. RabbitMQ numbers what is published on a channel from 1.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: dict[int, tuple[Batch, int]] = {}
        self._returned: dict[int, str] = {}
        self._last = 0
        self._oldest = 1
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_answer)

    def send(self, batch: Batch) -> None:
        for position, message in enumerate(batch.messages):
            self._channel.basic_publish(
                message.exchange,
                message.routing_key,
                message.body,
                message.properties,
                mandatory=True,
            )
            self._last += 1
            self._waiting[self._last] = batch, position

    def _on_answer(self, frame: "Method[Basic.Ack | Basic.Nack]") -> None:
        answer = frame.method
        failure = "" if isinstance(answer, Basic.Ack) else REFUSED
        tag = answer.delivery_tag
        for settled in range(self._oldest, tag + 1) if answer.multiple else (tag,):
            self._settle(settled, failure)
        if answer.multiple or tag == self._oldest:
            self._oldest = tag + 1

    def _settle(self, tag: int, failure: str) -> None:
        waiting = self._waiting.pop(tag, None)
        if waiting:
            batch, position = waiting
            batch.settle(position, failure or self._returned.pop(tag, ""))

    def _on_return(
        self,
        _channel: Channel,
        method: Basic.Return,
        properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        # A return carries no number, but it precedes the answer to the same message, and
        # returns come in the order of publishing: so it is the oldest that looks like it.
        for tag, (batch, position) in self._waiting.items():
            message = batch.messages[position]
            if tag not in self._returned and message.is_what_came_back(method, properties, body):
                self._returned[tag] = f"no queue takes {method.routing_key!r} ({method.reply_text})"
                return
