"""The committed contracts, read for tests."""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tools.contracts.openapi.elsewhere import bundled

FOLDER = Path("docs/contracts")
EVENTS = FOLDER / "events"

#: The name of a process in tests/http_sides.py, and the name of its document.
SERVED = {
    "order": "order",
    "relay": "order-relay",
    "email": "email",
    "sms": "sms",
    "inventory": "inventory",
    "analytics": "analytics",
    "shipping": "shipping",
    "dashboard": "dashboard",
    "mail_sink": "mail-sink",
    "sms_gateway": "sms-gateway",
}
CONSUMERS = ["email", "sms", "inventory", "analytics", "shipping"]


def openapi(process: str) -> dict[str, Any]:
    """The document of a process, with its references to other documents resolved."""
    return bundled(SERVED[process], committed())


def consumer() -> dict[str, Any]:
    """The document that all consumers share."""
    return bundled("consumer", committed())


@cache
def committed() -> dict[str, dict[str, Any]]:
    """The documents as committed, by name."""
    return {file.stem: _read(file) for file in (FOLDER / "openapi").glob("*.json")}


def asyncapi(broker: str) -> dict[str, Any]:
    return _read(FOLDER / "asyncapi" / f"{broker}.json")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


@cache
def event_validator() -> Draft202012Validator:
    """Its numbers are Decimals, and those of an instance must be too, or 0.07 is not a multiple of
    0.01.

    Unlike in JSON Schema, `$` in Python also matches before a final line end.
    """
    text = (EVENTS / "order.placed.schema.json").read_text().replace('$"', r'\\Z"')
    return Draft202012Validator(json.loads(text, parse_float=Decimal))


def is_valid(body: bytes) -> bool:
    """Whether this body is valid by the event's schema."""
    return event_validator().is_valid(json.loads(body, parse_float=Decimal))


def _read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_bytes())
    return document
