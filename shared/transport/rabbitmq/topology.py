"""The exchanges, queues and bindings on RabbitMQ, as data; this module opens no connection.

RabbitMQ confirms an event as soon as one queue has it, but here every queue has to have it. So
each queue has a guard: an exchange that routes to this queue alone. If the queue or its binding
is missing, the event goes to a queue that rejects everything, and the broker sends a nack. Each
queue is reached by two routes, the guard and a direct binding, and RabbitMQ puts the event there
once: a lost binding loses no event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.transport.names import (
    BINDING,
    DEAD_LETTER_EXCHANGE,
    END_MARKS,
    EVENTS_EXCHANGE,
    EVENTS_STREAM,
    EVERY_QUEUE,
    NO_QUEUE,
    REPLAY_EXCHANGE,
    RETRY_EXCHANGE,
    dead_letter_queue,
    guard,
    retry_queue,
    rungs,
    work_queue,
)

#: Retries and dead letters have their own exchanges, because permission to write to the default
#: exchange is permission to write to every queue of every service.
EXCHANGES = (EVENTS_EXCHANGE, RETRY_EXCHANGE, DEAD_LETTER_EXCHANGE, REPLAY_EXCHANGE)

#: The redeliveries allowed for a message, practically unlimited: RabbitMQ counts every message in
#: flight at a crashed consumer, and `shared.consuming.crash_suspects` finds the one that caused
#: the crash. It is a number because RabbitMQ 4 defaults to 20, and 3 has no value for "unlimited".
DELIVERY_LIMIT = 1_000_000
#: Work queues declared by older versions keep this limit: a broker cannot change arguments.
OLDER_DELIVERY_LIMIT = 100

Argument = str | int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange; `bindings` are pairs of a source exchange and a routing key."""

    name: str
    type: str = "topic"
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    bindings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredQueue:
    """A durable queue; `bindings` are pairs of exchange and routing key."""

    name: str
    arguments: dict[str, Argument]
    bindings: tuple[tuple[str, str], ...]
    #: The arguments with which older versions declared it; these are accepted as well.
    older: Mapping[str, Argument] | None = None


#: Limits of the stream; the first one reached applies. About two million events fit.
STREAM_MAX_AGE = "7D"
STREAM_MAX_BYTES = 1_000_000_000
#: RabbitMQ deletes whole segments, so they have to be small compared with the stream.
STREAM_SEGMENT_BYTES = 50_000_000

#: Belongs to the whole system; all other queues belong to a service.
STREAM = DeclaredQueue(
    EVENTS_STREAM,
    {
        "x-queue-type": "stream",
        "x-max-age": STREAM_MAX_AGE,
        "x-max-length-bytes": STREAM_MAX_BYTES,
        "x-stream-max-segment-size-bytes": STREAM_SEGMENT_BYTES,
    },
    ((guard(EVENTS_STREAM), ""), (EVENTS_EXCHANGE, BINDING), (REPLAY_EXCHANGE, END_MARKS)),
)


#: A classic queue, because a quorum queue would accept one message before it rejects.
REFUSING = DeclaredQueue(
    NO_QUEUE,
    {"x-queue-type": "classic", "x-max-length": 0, "x-overflow": "reject-publish"},
    ((NO_QUEUE, ""),),
)


def all_exchanges(services: Sequence[str]) -> list[Exchange]:
    topics = [Exchange(name) for name in EXCHANGES]
    ways = [Exchange(NO_QUEUE, "fanout"), Exchange(EVERY_QUEUE, "fanout")]
    guarded = [EVENTS_STREAM, *(work_queue(service) for service in services)] if services else []
    return [*topics, *ways, *(_guard(queue) for queue in guarded)]


def _guard(queue: str) -> Exchange:
    otherwise: Mapping[str, Argument] = {"alternate-exchange": NO_QUEUE}
    return Exchange(guard(queue), "fanout", otherwise, ((EVERY_QUEUE, ""),))


def all_queues(services: Sequence[str], ladder: Sequence[float]) -> list[DeclaredQueue]:
    """All queues; none if there are no services.

    The stream comes before the work queues, so that every processed event is stored as well.
    """
    of_services = [queue for service in services for queue in queues(service, ladder)]
    return [REFUSING, STREAM, *of_services] if services else []


def queues(service: str, ladder: Sequence[float]) -> list[DeclaredQueue]:
    return [_work(service), *(_rung(service, rung) for rung in rungs(ladder)), _dead(service)]


def names(service: str, ladder: Sequence[float]) -> list[str]:
    return [queue.name for queue in queues(service, ladder)]


def _work(service: str) -> DeclaredQueue:
    name = work_queue(service)
    arguments = _dead_lettering(DEAD_LETTER_EXCHANGE, dead_letter_queue(service))
    arguments["x-delivery-limit"] = DELIVERY_LIMIT
    ways = ((guard(name), ""), (EVENTS_EXCHANGE, BINDING), (RETRY_EXCHANGE, name))
    return DeclaredQueue(
        name, arguments, ways, {**arguments, "x-delivery-limit": OLDER_DELIVERY_LIMIT}
    )


def _rung(service: str, rung: float) -> DeclaredQueue:
    name = retry_queue(service, rung)
    # The queue has the TTL: with a TTL for each message, a short delay would wait behind a long
    # one, since RabbitMQ expires only messages at the head of a queue.
    arguments = _dead_lettering(RETRY_EXCHANGE, work_queue(service))
    arguments["x-message-ttl"] = round(rung * 1000)
    return DeclaredQueue(name, arguments, ((RETRY_EXCHANGE, name),))


def _dead(service: str) -> DeclaredQueue:
    name = dead_letter_queue(service)
    arguments: dict[str, Argument] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}
    return DeclaredQueue(name, arguments, ((DEAD_LETTER_EXCHANGE, name),))


def _dead_lettering(exchange: str, routing_key: str) -> dict[str, Argument]:
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": routing_key,
        # Without reject-publish the broker quietly falls back to at-most-once.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
