"""RabbitMQ, 3.10 and 4.x alike. What it is made of is in `rabbitmq_topology`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from shared.errors import SettingsError
from shared.transport.message import Depth
from shared.transport.rabbitmq_dead_letters import RabbitDeadLetters
from shared.transport.rabbitmq_publisher import RabbitPublisher
from shared.transport.rabbitmq_subscription import RabbitSubscription
from shared.transport.rabbitmq_topology import EXCHANGES, Queue, names, queues
from shared.transport.rabbitmq_wire import brief_channel, brief_connection, explain, parameters

_NOT_FOUND = 404
_PRECONDITION_FAILED = 406


class RabbitMQ:
    """The broker behind an amqp:// or amqps:// URL."""

    def __init__(self, url: str, ladder: Sequence[float]) -> None:
        # A URL that cannot work is told at start, not at the first message.
        parameters(url, "")
        self._url = url
        self._ladder = tuple(ladder)

    def declare(self, services: Sequence[str]) -> None:
        with brief_channel(self._url, "topology") as channel:
            for exchange in EXCHANGES:
                with _same_as_before("exchange", exchange):
                    channel.exchange_declare(exchange, "topic", durable=True)
            for service in services:
                for queue in queues(service, self._ladder):
                    _declare_queue(channel, queue)

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        wanted = [name for service in services for name in names(service, self._ladder)]
        with brief_connection(self._url, "topology check") as connection:
            exchanges = [name for name in EXCHANGES if not _exists(connection, _exchange(name))]
            return exchanges + [name for name in wanted if not _exists(connection, _queue(name))]

    def different(self, services: Sequence[str]) -> Sequence[str]:
        wanted = [queue for service in services for queue in queues(service, self._ladder)]
        with brief_connection(self._url, "topology comparison") as connection:
            exchanges = [name for name in EXCHANGES if _differs(connection, *_exchanges(name))]
            return exchanges + [q.name for q in wanted if _differs(connection, *_queues(q))]

    def depth(self, service: str) -> Depth:
        with brief_channel(self._url, "depth") as channel:
            ready, *retrying, dead = (
                channel.queue_declare(name, passive=True).method.message_count
                for name in names(service, self._ladder)
            )
        return Depth(ready=ready, retrying=sum(retrying), dead=dead)

    def publisher(self) -> RabbitPublisher:
        return RabbitPublisher(self._url)

    def subscribe(self, service: str, *, prefetch: int) -> RabbitSubscription:
        return RabbitSubscription(self._url, service, self._ladder, prefetch=prefetch)

    def dead_letters(self, service: str) -> RabbitDeadLetters:
        return RabbitDeadLetters(self._url, service)


def _declare_queue(channel: BlockingChannel, queue: Queue) -> None:
    with _same_as_before("queue", queue.name):
        channel.queue_declare(queue.name, durable=True, arguments=queue.arguments)
    for exchange, routing_key in queue.bindings:
        channel.queue_bind(queue.name, exchange, routing_key)


@contextmanager
def _same_as_before(kind: str, name: str) -> Iterator[None]:
    try:
        yield
    except ChannelClosedByBroker as error:
        if error.reply_code != _PRECONDITION_FAILED:
            raise
        raise SettingsError(
            f"the {kind} {name} exists with other properties, which a broker does not change. "
            f"RabbitMQ says: {explain(error)}. "
            f"Let its messages be processed, delete the {kind}, and declare again"
        ) from error


_Check = Callable[[BlockingChannel], object]


def _exchange(name: str) -> _Check:
    return lambda channel: channel.exchange_declare(name, passive=True)


def _queue(name: str) -> _Check:
    return lambda channel: channel.queue_declare(name, passive=True)


def _exchanges(name: str) -> tuple[_Check, _Check]:
    return _exchange(name), lambda channel: channel.exchange_declare(name, "topic", durable=True)


def _queues(queue: Queue) -> tuple[_Check, _Check]:
    return _queue(queue.name), lambda channel: channel.queue_declare(
        queue.name, durable=True, arguments=queue.arguments
    )


def _exists(connection: pika.BlockingConnection, check: _Check) -> bool:
    return _passes(connection, check, unless=_NOT_FOUND)


def _differs(connection: pika.BlockingConnection, check: _Check, declare: _Check) -> bool:
    # AMQP has no way to read arguments: declaring what exists compares them. What does not
    # exist would be created by that, hence the check before it.
    if not _exists(connection, check):
        return False
    return not _passes(connection, declare, unless=_PRECONDITION_FAILED)


def _passes(connection: pika.BlockingConnection, check: _Check, *, unless: int) -> bool:
    # Each check has a channel to itself, because the broker closes it when the answer is no.
    channel = connection.channel()
    try:
        check(channel)
    except ChannelClosedByBroker as error:
        if error.reply_code != unless:
            raise
        return False
    channel.close()
    return True
