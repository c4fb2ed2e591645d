"""RabbitMQ: exchanges, queues and their arguments, as the topology step declares them."""

from shared.events import ORDER_PLACED
from shared.transport import LADDER
from shared.transport.names import EVENTS_EXCHANGE, EVERY_QUEUE, NO_QUEUE
from shared.transport.rabbitmq.topology import EXCHANGES, REFUSING, DeclaredQueue, all_queues
from shared.transport.rabbitmq.wire import AT_HEADER, PREFIX, REASON_HEADER
from tools.contracts.asyncapi.parts import SERVICE, Part, channel, document, messages, operation

_DESCRIPTION = f"""\
Events go to the durable topic exchange `{EVENTS_EXCHANGE}`, and from there into one quorum queue \
per service. Queue arguments and bindings are in `x-arguments` and `x-bindings`, since the AMQP \
binding of AsyncAPI has no fields for them. Exchanges: \
{", ".join(f"`{name}`" for name in EXCHANGES)}, all of them topic \
exchanges. An event also reaches each queue through the fanout exchange `{EVERY_QUEUE}` and a \
fanout exchange per queue, whose alternate exchange `{NO_QUEUE}` leads to a queue that refuses \
everything: an event that does not reach every queue is nacked. The stream also contains end \
marks, which tell a replay where to stop; their routing keys begin with `end.`.\
"""
_VERSION = {"bindingVersion": "0.3.0"}
_SENT = {"amqp": {"deliveryMode": 2, "mandatory": True, "timestamp": True, **_VERSION}}
_RECEIVED = {"amqp": {"ack": True, **_VERSION}}
_LOOKED_AT = "List the dead letters; each is requeued in its place."


def rabbitmq() -> Part:
    own = [queue for queue in all_queues([SERVICE], LADDER) if queue is not REFUSING]
    rungs = [f"retry{rung:g}s" for rung in LADDER]
    names = ["stream", "work", *rungs, "dead"]
    queues = {name: _queue(name, queue) for name, queue in zip(names, own, strict=True)}
    bindings = {"amqp": {"messageType": ORDER_PLACED, **_VERSION}}
    every = messages(PREFIX, bindings, dead=(REASON_HEADER, AT_HEADER))
    server = {"host": "rabbitmq:5672", "protocol": "amqp", "protocolVersion": "0.9.1"}
    return document(
        "Order events on RabbitMQ",
        _DESCRIPTION,
        server,
        channels={"events": _exchange(), **queues},
        operations=_operations(rungs),
        components={"messages": every},
    )


def _operations(rungs: list[str]) -> Part:
    retries = {
        name: operation("send", name, "A consumer: retry later, then acknowledge.", _SENT)
        for name in rungs
    }
    return {
        "publish": operation("send", "events", "The relay, with publisher confirms.", _SENT),
        "consume": operation("receive", "work", "A consumer: acked once applied.", _RECEIVED),
        **retries,
        "giveUp": operation("send", "dead", "A consumer: no attempt can succeed.", _SENT),
        "browse": operation("receive", "dead", _LOOKED_AT, _RECEIVED),
        "redrive": operation("send", "work", "An operator: back, at attempt 1.", _SENT),
        "replay": operation("receive", "stream", "Read stored events again.", _RECEIVED),
    }


def _exchange() -> Part:
    exchange = {"name": EVENTS_EXCHANGE, "type": "topic", "durable": True, "autoDelete": False}
    bindings = {"amqp": {"is": "routingKey", "exchange": exchange, **_VERSION}}
    return channel(ORDER_PLACED, "The routing key of every event.", "orderPlaced", bindings)


def _queue(name: str, queue: DeclaredQueue) -> Part:
    amqp = {
        "is": "queue",
        "queue": {"durable": True, "exclusive": False, "autoDelete": False},
        "x-arguments": queue.arguments,
        "x-bindings": [
            {"exchange": exchange, "routingKey": key} for exchange, key in queue.bindings
        ],
        **_VERSION,
    }
    return channel(queue.name, _purpose(name), _content(name), {"amqp": amqp})


def _purpose(name: str) -> str:
    if name.startswith("retry"):
        return "A rung of the ladder: events return to the work queue after its delay."
    return {
        "stream": "Stored events, for replays. It belongs to no service.",
        "work": "The work of a service.",
        "dead": "Events that a service has given up on, until an operator acts.",
    }[name]


def _content(name: str) -> str:
    return {"stream": "orderPlaced", "work": "orderPlaced", "dead": "orderDead"}.get(
        name, "orderRetried"
    )
