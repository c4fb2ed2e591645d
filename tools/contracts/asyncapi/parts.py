"""The parts that the documents of all brokers share: the frame, messages and headers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.events import ORDER_PLACED
from shared.openapi.shapes import ID, TEXT, TIME
from shared.transport import Failure, Message
from shared.transport.message import to_headers

Part = dict[str, Any]

EVENT_SCHEMA = "../events/order.placed.schema.json"
#: The placeholder for a service in the names of queues and topics.
SERVICE = "{service}"

#: Schema of each header, by name without the CloudEvents prefix of the broker.
_HEADERS: dict[str, Part] = {
    "specversion": {"const": "1.0"},
    "id": ID | {"description": "The event id, by which consumers recognise duplicates."},
    "type": {"const": ORDER_PLACED},
    "source": TEXT | {"description": "The publisher of the event."},
    "time": TIME | {"description": "When the order was placed."},
    "partitionkey": ID | {"description": "The order's id."},
    "traceparent": TEXT | {"description": "W3C Trace Context, passed on unchanged."},
    "x-attempt": TEXT
    | {"pattern": "^[1-9][0-9]{0,3}$", "description": "Number of the attempt, starting at 1."},
    "x-first-failure": TEXT | {"description": "Why the first attempt failed."},
    "x-first-failure-at": TIME,
    "x-last-failure": TEXT | {"description": "Why the last attempt failed."},
    "x-last-failure-at": TIME,
    "x-reason": TEXT | {"description": "Why the service gave up on it."},
    "x-dead-lettered-at": TIME,
    "x-original-topic": TEXT | {"description": "The topic from which it was first read."},
    "x-original-partition": TEXT | {"pattern": "^[0-9]+$"},
    "x-original-offset": TEXT | {"pattern": "^[0-9]+$"},
    "content-type": {"const": "application/json"},
}

NEW = Message(id="id", type=ORDER_PLACED, source="source", time="time", key="order", body=b"")
_FAILURE = Failure("reason", "at")


def document(title: str, description: str, server: Part, **parts: Part) -> Part:
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": "1", "description": description},
        "defaultContentType": "application/json",
        "servers": {"broker": server},
        **parts,
    }


def services() -> list[str]:
    """The consumers: every service that has a handler."""
    return sorted(path.parent.name for path in Path("services").glob("*/handler.py"))


def channel(address: str, description: str, message: str, bindings: Part) -> Part:
    name = {SERVICE[1:-1]: {"enum": services(), "description": "The service."}}
    return {
        "address": address,
        "description": description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        **({"parameters": name} if SERVICE in address else {}),
        "bindings": bindings,
    }


def operation(action: str, at: str, summary: str, bindings: Part | None = None) -> Part:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{at}"},
        "summary": summary,
        **({"bindings": bindings} if bindings else {}),
    }


def messages(
    prefix: str,
    bindings: Part,
    *,
    always: tuple[str, ...] = (),
    kept: tuple[str, ...] = (),
    dead: tuple[str, ...],
) -> Part:
    """An event at each stage, with the headers that this broker adds.

    `always`: to every event. `kept`: to those that were delivered before. `dead`: to dead letters.
    """
    new = to_headers(NEW, prefix)
    history = sorted(to_headers(NEW.failed(_FAILURE), prefix).keys() - new.keys())
    later = ("traceparent", *always, *history, *kept)
    return {
        "orderPlaced": _message(
            "An order was placed.", headers(new, ("traceparent", *always), prefix), bindings
        ),
        "orderRetried": _message(
            "The same event, after a failed attempt.", headers(new, later, prefix), bindings
        ),
        # A dead letter may be any message from any sender; only its reason is certain.
        "orderDead": _message(
            "The message that could not be processed, byte for byte.",
            headers(dict.fromkeys(dead), (*new, *later), prefix),
            bindings,
        )
        | {"payload": {"description": "Usually an order.placed, otherwise any other message."}},
    }


def headers(required: Mapping[str, object], optional: tuple[str, ...], prefix: str) -> Part:
    """The schema of these headers. Describe every new header of the code in _HEADERS."""
    every = [*required, *(name for name in optional if name not in required)]
    properties = {name: _HEADERS[name.removeprefix(prefix)] for name in every}
    return {"type": "object", "properties": properties, "required": list(required)}


def _message(summary: str, headers: Part, bindings: Part) -> Part:
    return {
        "name": ORDER_PLACED,
        "summary": summary,
        "headers": headers,
        "payload": {"$ref": EVENT_SCHEMA},
        **({"bindings": bindings} if bindings else {}),
    }
