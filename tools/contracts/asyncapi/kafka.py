"""Kafka: topics with their settings, and consumer groups, as created by the topology step."""

from shared.transport import LADDER
from shared.transport.kafka.topics import Layout, Topic
from shared.transport.kafka.wire import AT_HEADER, ORIGIN_HEADERS, PREFIX, REASON_HEADER
from tools.contracts.asyncapi.parts import SERVICE, Part, channel, document, messages, operation

_DESCRIPTION = """\
One topic that every service reads with its own consumer group, and a few topics per service. The \
key of a record is the order id. The key of a dead letter is its handle, and a record without a \
body deletes the dead letter. Offsets are committed only up to the first unprocessed record.\
"""
_VERSION = {"bindingVersion": "0.5.0"}
#: The default of a kafka:// URL.
LAYOUT = Layout(prefix="", partitions=6, replication=1, retention_days=7, ladder=LADDER)


def kafka() -> Part:
    rungs = [f"retry{rung:g}s" for rung in LADDER]
    names = ["events", "redriven", *rungs, "dead"]
    topics = zip(names, LAYOUT.topics([SERVICE]), strict=True)
    bindings = {"kafka": {"key": {"type": "string"}, **_VERSION}}
    every = messages(
        PREFIX,
        bindings,
        always=("content-type",),
        kept=ORIGIN_HEADERS,
        dead=(REASON_HEADER, AT_HEADER),
    )
    return document(
        "Order events on Kafka",
        _DESCRIPTION,
        {"host": "kafka:9092", "protocol": "kafka"},
        channels={name: _topic(name, topic) for name, topic in topics},
        operations=_operations(rungs),
        components={"messages": every},
    )


def _operations(rungs: list[str]) -> Part:
    group = {"kafka": {"groupId": {"type": "string", "const": LAYOUT.group(SERVICE)}, **_VERSION}}
    back = "A consumer, after the delay of the rung."
    sent = {name: operation("send", name, "A consumer: retry later.") for name in rungs}
    taken = {f"{name}Over": operation("receive", name, back, group) for name in rungs}
    redriven = "Events that an operator has redriven."
    return {
        "publish": operation("send", "events", "The relay: idempotent, acks=all."),
        "consume": operation("receive", "events", "A consumer, from the earliest offset.", group),
        **sent,
        **taken,
        "giveUp": operation("send", "dead", "A consumer: no attempt can succeed."),
        "browse": operation("receive", "dead", "Read the dead letters as a table."),
        "redrive": operation("send", "redriven", "An operator: back, at attempt 1."),
        "consumeRedriven": operation("receive", "redriven", redriven, group),
        "replay": operation("receive", "events", "Read stored events again, without a group."),
    }


def _topic(name: str, topic: Topic) -> Part:
    kafka = {
        "topic": topic.name,
        "partitions": topic.partitions,
        "replicas": topic.replication,
        "topicConfiguration": {key: _setting(key, text) for key, text in topic.settings.items()},
        **_VERSION,
    }
    return channel(topic.name, _purpose(name), _content(name), {"kafka": kafka})


def _setting(key: str, text: str) -> object:
    """Converts a setting for the binding: numbers as numbers, policies as a list."""
    if key == "cleanup.policy":
        return text.split(",")
    return int(text) if text.isdecimal() else text


def _purpose(name: str) -> str:
    if name.startswith("retry"):
        return "A rung of the ladder: a consumer takes a record after its delay."
    return {
        "events": "Every event, for all services and for replays.",
        "redriven": "Events that an operator has redriven, for this service only.",
        "dead": "Events that a service has given up on, until an operator acts.",
    }[name]


def _content(name: str) -> str:
    return {"events": "orderPlaced", "redriven": "orderPlaced", "dead": "orderDead"}.get(
        name, "orderRetried"
    )
