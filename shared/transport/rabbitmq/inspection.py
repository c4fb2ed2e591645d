"""Checks which queues and exchanges exist, their message counts, and their arguments."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pika import BlockingConnection
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from shared.errors import BrokerForbids
from shared.transport.rabbitmq.topology import Argument, DeclaredQueue, Exchange
from shared.transport.rabbitmq.wire import explain

_ACCESS_REFUSED = 403
_NOT_FOUND = 404
PRECONDITION_FAILED = 406

T = TypeVar("T")


def exchange_exists(link: BlockingConnection, name: str) -> bool:
    return _passes(
        link, lambda channel: channel.exchange_declare(name, passive=True), no=_NOT_FOUND
    )


def queue_exists(link: BlockingConnection, name: str) -> bool:
    return count_in(link, name) is not None


def count_in(link: BlockingConnection, queue: str) -> int | None:
    """The number of ready messages in the queue; None if it does not exist."""

    def count(channel: BlockingChannel) -> int:
        return int(channel.queue_declare(queue, passive=True).method.message_count)

    return _answer(link, count, no=_NOT_FOUND)


# AMQP cannot read arguments, but declaring an existing exchange or queue compares them. Declaring
# a missing one would create it, hence the check before.
def exchange_differs(link: BlockingConnection, exchange: Exchange) -> bool:
    return exchange_exists(link, exchange.name) and not _passes(
        link, lambda channel: declare_exchange(channel, exchange), no=PRECONDITION_FAILED
    )


def declare_exchange(channel: BlockingChannel, exchange: Exchange) -> None:
    arguments = dict(exchange.arguments)
    channel.exchange_declare(exchange.name, exchange.type, durable=True, arguments=arguments)


def queue_differs(link: BlockingConnection, queue: DeclaredQueue) -> bool:
    return queue_exists(link, queue.name) and not (
        _is(link, queue, queue.arguments) or (queue.older and _is(link, queue, queue.older))
    )


def _is(link: BlockingConnection, queue: DeclaredQueue, arguments: Mapping[str, Argument]) -> bool:
    return _passes(
        link, lambda channel: declare_queue(channel, queue, arguments), no=PRECONDITION_FAILED
    )


def declare_queue(
    channel: BlockingChannel, queue: DeclaredQueue, arguments: Mapping[str, Argument]
) -> None:
    channel.queue_declare(queue.name, durable=True, arguments=dict(arguments))


def _passes(link: BlockingConnection, ask: Callable[[BlockingChannel], object], *, no: int) -> bool:
    def passed(channel: BlockingChannel) -> bool:
        ask(channel)
        return True

    return _answer(link, passed, no=no) is not None


def _answer(link: BlockingConnection, ask: Callable[[BlockingChannel], T], *, no: int) -> T | None:
    """The result of `ask`; None if the broker replies with the code `no`. Raises BrokerForbids."""
    # Each request has its own channel, because the broker closes it on a negative reply.
    channel = link.channel()
    try:
        found = ask(channel)
    except ChannelClosedByBroker as error:
        if error.reply_code == _ACCESS_REFUSED:
            raise BrokerForbids(f"RabbitMQ: {explain(error)}") from error
        if error.reply_code != no:
            raise
        return None
    channel.close()
    return found
