"""The RabbitMQ broker, versions 3.10 and 4.x. Its exchanges and queues are in `topology`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from pika import BlockingConnection
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from shared.errors import QueuesMissing, SettingsError
from shared.transport.message import Depth
from shared.transport.names import BINDING, EVENTS_EXCHANGE, EVERY_QUEUE
from shared.transport.rabbitmq.archive import RabbitArchive
from shared.transport.rabbitmq.dead_letters import RabbitDeadLetters
from shared.transport.rabbitmq.inspection import (
    PRECONDITION_FAILED,
    count_in,
    declare_exchange,
    declare_queue,
    exchange_differs,
    exchange_exists,
    queue_differs,
    queue_exists,
)
from shared.transport.rabbitmq.publisher import RabbitPublisher
from shared.transport.rabbitmq.subscription import RabbitSubscription
from shared.transport.rabbitmq.topology import (
    DeclaredQueue,
    Exchange,
    all_exchanges,
    all_queues,
    names,
)
from shared.transport.rabbitmq.wire import brief_connection, explain, parameters

log = structlog.get_logger()

#: Followed exactly, this loses no message: deleting a queue deletes its messages, so none may be
#: in it or in flight to it.
_ADVICE = {
    "exchange": "Stop the relay (orders wait in the outbox meanwhile), delete the exchange, run "
    "the topology step again, and start the relay",
    "queue": "Stop the relay (orders wait in the outbox meanwhile), wait until `orderctl queues` "
    "shows no messages of this service and its /health/ready none unsettled (if this is the dead "
    "letter queue, redrive or discard the dead letters), delete the queue, run the topology step "
    "again, and start the relay",
}


class RabbitMQ:
    """The broker behind an amqp:// or amqps:// URL."""

    def __init__(self, url: str, ladder: Sequence[float]) -> None:
        # Reports an invalid URL at start, not at the first message.
        parameters(url, "")
        self._url = url
        self._ladder = tuple(ladder)

    def declare(self, services: Sequence[str]) -> None:
        """Accepts queues declared by older versions, which have a lower delivery limit."""
        with brief_connection(self._url, "topology") as link:
            channel = link.channel()
            exchanges, queues = all_exchanges(services), all_queues(services, self._ladder)
            for exchange in exchanges:
                with _same_as_before("exchange", exchange.name):
                    declare_exchange(channel, exchange)
            for queue in queues:
                _declare_queue(link, queue)
            _bind(channel, exchanges, queues)

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        wanted = [queue.name for queue in all_queues(services, self._ladder)]
        with brief_connection(self._url, "topology check") as link:
            exchanges = [exchange.name for exchange in all_exchanges(services)]
            missing = [name for name in exchanges if not exchange_exists(link, name)]
            return missing + [name for name in wanted if not queue_exists(link, name)]

    def different(self, services: Sequence[str]) -> Sequence[str]:
        """AMQP can compare only by declaring. So a queue or exchange that is deleted during its
        comparison is created again, without bindings; `declare` adds them.
        """
        wanted = all_queues(services, self._ladder)
        with brief_connection(self._url, "topology comparison") as link:
            exchanges = [each for each in all_exchanges(services) if exchange_differs(link, each)]
            queues = [queue for queue in wanted if queue_differs(link, queue)]
            return [*(exchange.name for exchange in exchanges), *(queue.name for queue in queues)]

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

    def past(self) -> None:
        return None


def _declare_queue(link: BlockingConnection, queue: DeclaredQueue) -> None:
    with _same_as_before("queue", queue.name):
        try:
            declare_queue(link.channel(), queue, queue.arguments)
        except ChannelClosedByBroker:
            if not queue.older:
                raise
            declare_queue(link.channel(), queue, queue.older)
            log.warning("topology.older_queue", queue=queue.name, advice=_ADVICE["queue"])


def _bind(
    channel: BlockingChannel, exchanges: Sequence[Exchange], queues: Sequence[DeclaredQueue]
) -> None:
    """Bind from the queues back to the events exchange: messages reach a new exchange only after
    all of its own bindings exist, and nothing is confirmed before.
    """
    direct = [(queue.name, way) for queue in queues for way in queue.bindings]
    for name, (exchange, key) in direct:
        if exchange != EVENTS_EXCHANGE:
            channel.queue_bind(name, exchange, key)
    for guard in exchanges:
        for before, key in guard.bindings:
            channel.exchange_bind(guard.name, before, key)
    channel.exchange_bind(EVERY_QUEUE, EVENTS_EXCHANGE, BINDING)
    for name, (exchange, key) in direct:
        if exchange == EVENTS_EXCHANGE:
            channel.queue_bind(name, exchange, key)


@contextmanager
def _same_as_before(kind: str, name: str) -> Iterator[None]:
    try:
        yield
    except ChannelClosedByBroker as error:
        if error.reply_code != PRECONDITION_FAILED:
            raise
        raise SettingsError(
            f"the {kind} {name} exists with other properties, which a broker cannot change. "
            f"RabbitMQ reports: {explain(error)}. "
            f"{_ADVICE[kind]}"
        ) from error
