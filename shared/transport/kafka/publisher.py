"""Publishes events to the one topic that every service reads."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from shared.transport.kafka.address import KafkaAddress
from shared.transport.kafka.batch import Outgoing
from shared.transport.kafka.producer import Sender
from shared.transport.kafka.wire import headers_of
from shared.transport.message import Message


class KafkaPublisher:
    """Thread-safe; the batches of several threads share one client."""

    def __init__(self, address: KafkaAddress) -> None:
        self._topic = address.layout.events()
        self._sender = Sender(address)

    def publish(self, messages: Sequence[Message]) -> None:
        if messages:
            self._sender.send([to_topic(self._topic, message) for message in messages])

    def close(self) -> None:
        self._sender.close()

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


def to_topic(topic: str, message: Message) -> Outgoing:
    # Without a key, the record goes to any partition.
    key = message.key.encode("utf-8", "replace") or None
    return Outgoing(message.id, topic, key, message.body, headers_of(message))
