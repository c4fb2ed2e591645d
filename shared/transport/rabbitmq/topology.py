"""Which exchanges and queues exist on RabbitMQ, and with which arguments: data, no connection.

RabbitMQ confirms an event as soon as one queue has it. Here it has to be every queue, and so each
has a guard: an exchange that leads to this queue alone, and otherwise to a queue that refuses
everything, so that the broker answers with a nack. An event takes two ways to each queue, by the
guard and directly, and RabbitMQ puts it there once: a binding that is lost loses no event.
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

#: Retry and dead letters go through exchanges of their own, because whoever may write to the
#: default exchange may write to every queue of every service.
EXCHANGES = (EVENTS_EXCHANGE, RETRY_EXCHANGE, DEAD_LETTER_EXCHANGE, REPLAY_EXCHANGE)

#: Returns allowed to a message. As good as none: `shared.consuming.crash_suspects` finds the
#: message that kills its consumers, and RabbitMQ counts every message that a consumer held,
#: guilty or not. It is a number because RabbitMQ 4 allows 20 where none is given, and 3 knows no
#: word for "unlimited".
DELIVERY_LIMIT = 1_000_000
#: Work queues of older versions have this limit for good: a broker changes no arguments.
OLDER_DELIVERY_LIMIT = 100

Argument = str | int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange; `bindings` are pairs of an exchange before it and a routing key."""

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
    #: As an older version declared it; that is accepted as well.
    older: Mapping[str, Argument] | None = None


#: What may be kept of events, whichever is reached first: some two million of them.
STREAM_MAX_AGE = "7D"
STREAM_MAX_BYTES = 1_000_000_000
#: RabbitMQ drops whole segments, so that they have to be small beside what is kept.
STREAM_SEGMENT_BYTES = 50_000_000

#: Of the whole system, where all other queues belong to a service.
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


#: A classic queue, because a quorum queue would take one message before it refuses.
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
    """Without any service there is nobody to keep events for.

    The stream comes first: once an order can be worked on, it is kept as well.
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
    # The delay belongs to the queue: with a TTL on each message, a short delay would wait
    # behind a long one, since RabbitMQ expires a queue from its head.
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
