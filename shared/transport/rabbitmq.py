"""RabbitMQ, 3.10 and 4.x alike. What it is made of is in `rabbitmq_topology`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from shared.errors import QueuesMissing, SettingsError
from shared.transport.message import Depth
from shared.transport.rabbitmq_archive import RabbitArchive
from shared.transport.rabbitmq_checks import (
    PRECONDITION_FAILED,
    count_in,
    exchange_differs,
    exchange_exists,
    queue_differs,
    queue_exists,
)
from shared.transport.rabbitmq_dead_letters import RabbitDeadLetters
from shared.transport.rabbitmq_publisher import RabbitPublisher
from shared.transport.rabbitmq_subscription import RabbitSubscription
from shared.transport.rabbitmq_topology import EXCHANGES, Queue, all_queues, names
from shared.transport.rabbitmq_wire import brief_channel, brief_connection, explain, parameters


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
            for queue in all_queues(services, self._ladder):
                _declare_queue(channel, queue)

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        wanted = [queue.name for queue in all_queues(services, self._ladder)]
        with brief_connection(self._url, "topology check") as link:
            exchanges = [name for name in EXCHANGES if not exchange_exists(link, name)]
            return exchanges + [name for name in wanted if not queue_exists(link, name)]

    def different(self, services: Sequence[str]) -> Sequence[str]:
        """What is deleted by somebody in the very moment of its comparison is made again by it,
        unbound: AMQP cannot compare without declaring. `declare` then binds it.
        """
        wanted = all_queues(services, self._ladder)
        with brief_connection(self._url, "topology comparison") as link:
            exchanges = [name for name in EXCHANGES if exchange_differs(link, name)]
            return exchanges + [queue.name for queue in wanted if queue_differs(link, queue)]

    def depth(self, service: str) -> Depth:
        wanted = names(service, self._ladder)
        with brief_connection(self._url, "depth") as link:
            counts = {name: count_in(link, name) for name in wanted}
        found = {name: count for name, count in counts.items() if count is not None}
        if len(found) < len(wanted):
            raise QueuesMissing([name for name in wanted if name not in found], found)
        ready, *retrying, dead = found.values()
        return Depth(ready=ready, retrying=sum(retrying), dead=dead)

    def publisher(self) -> RabbitPublisher:
        return RabbitPublisher(self._url)

    def subscribe(self, service: str, *, prefetch: int) -> RabbitSubscription:
        return RabbitSubscription(self._url, service, self._ladder, prefetch=prefetch)

    def dead_letters(self, service: str) -> RabbitDeadLetters:
        return RabbitDeadLetters(self._url, service)

    def archive(self, service: str) -> RabbitArchive:
        return RabbitArchive(self._url, service)


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
        if error.reply_code != PRECONDITION_FAILED:
            raise
        raise SettingsError(
            f"the {kind} {name} exists with other properties, which a broker does not change. "
            f"RabbitMQ says: {explain(error)}. "
            f"Let its messages be processed, delete the {kind}, and declare again"
        ) from error
