"""Publisher confirms: tracks many messages in flight, and the broker's reply to each."""

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
    "the broker refused it: a queue that should get it is deleted, unbound or full "
    "(the topology step restores missing queues and bindings)"
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message with the arguments for pika's `basic_publish`."""

    id: str
    exchange: str
    routing_key: str
    properties: pika.BasicProperties
    body: bytes

    def matches_return(
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
    """Raises PublishFailed for a routing key (the event's type) that is too long for AMQP."""
    if routing_key and not short(routing_key):
        raise PublishFailed(f"a routing key has at most 255 bytes, not {routing_key[:60]}…")
    return Outgoing(message.id, exchange, routing_key, properties(message, extra), message.body)


class Batch:
    """Messages published together. The connection's thread settles them; another one waits."""

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
        """The connection was lost before every reply arrived."""
        if not self._done.is_set():
            self._lost = reason
            self._end()

    def _end(self) -> None:
        self._when_done()
        self._done.set()

    def wait(self, timeout: float) -> bool:
        return self._done.wait(timeout)

    def check(self) -> None:
        """Raise BrokerUnavailable or PublishFailed unless every message was confirmed."""
        if self._lost:
            raise BrokerUnavailable(self._lost)
        if self._failures:
            raise PublishFailed(
                self._reason(), confirmed=self._confirmed(), blameless=self._blameless()
            )

    def _reason(self) -> str:
        first = self._failures[min(self._failures)]
        return f"{len(self._failures)} of {len(self.messages)} messages were not accepted: {first}"

    def _confirmed(self) -> frozenset[str]:
        # An id that was published twice counts as confirmed only if both messages were.
        failed = {self.messages[position].id for position in self._failures}
        return frozenset(message.id for message in self.messages) - failed

    def _blameless(self) -> frozenset[str]:
        """Ids of refused messages: a queue that was full for a moment may accept them later."""
        refused = [at for at, failure in self._failures.items() if failure == REFUSED]
        returned = self._failures.keys() - refused
        return frozenset(self.messages[at].id for at in refused) - {
            self.messages[at].id for at in returned
        }


class Confirms:
    """The messages published on one channel that have no reply yet.

    Used only in the connection's thread. RabbitMQ numbers the messages of a channel from 1.
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
        # A return has no number, but it precedes the reply to the same message, and returns
        # arrive in the order of publishing: so it belongs to the oldest matching message.
        for tag, (batch, position) in self._waiting.items():
            message = batch.messages[position]
            if tag not in self._returned and message.matches_return(method, properties, body):
                self._returned[tag] = f"no queue gets {method.routing_key!r} ({method.reply_text})"
                return
