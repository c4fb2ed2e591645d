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

#: What is known of each header, by its name without the prefix of CloudEvents on this broker.
_HEADERS: dict[str, Part] = {
    "specversion": {"const": "1.0"},
    "id": ID | {"description": "The event's id. Consumers know a repeat by it."},
    "type": {"const": ORDER_PLACED},
    "source": TEXT | {"description": "Who says so."},
    "time": TIME | {"description": "When the order was placed."},
    "partitionkey": ID | {"description": "The order's id."},
    "traceparent": TEXT | {"description": "W3C Trace Context, handed on as it came."},
    "x-attempt": TEXT | {"pattern": "^[1-9][0-9]{0,3}$", "description": "1 at first."},
    "x-first-failure": TEXT | {"description": "Why the first attempt failed."},
    "x-first-failure-at": TIME,
    "x-last-failure": TEXT | {"description": "Why the last attempt failed."},
    "x-last-failure-at": TIME,
    "x-reason": TEXT | {"description": "Why it was given up."},
    "x-dead-lettered-at": TIME,
    "x-original-topic": TEXT | {"description": "Where it was read first."},
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
    name = {SERVICE[1:-1]: {"enum": services(), "description": "Whose it is."}}
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
            "The same event, after an attempt that failed.", headers(new, later, prefix), bindings
        ),
        # A dead letter may be any message from any sender; only its reason is certain.
        "orderDead": _message(
            "What could not be processed, byte for byte.",
            headers(dict.fromkeys(dead), (*new, *later), prefix),
            bindings,
        )
        | {"payload": {"description": "Mostly an order.placed; else what was taken for one."}},
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
