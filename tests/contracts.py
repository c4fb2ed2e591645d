"""The committed contracts, as tests read them."""

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

#: The name of a process in tests/http_sides.py, and that of its document.
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
    """The document of a process as a client has it: with all that it refers to in others."""
    return bundled(SERVED[process], committed())


def consumer() -> dict[str, Any]:
    """The document of whichever consumer."""
    return bundled("consumer", committed())


@cache
def committed() -> dict[str, dict[str, Any]]:
    """Each document by its name, as it is in its file."""
    return {file.stem: _read(file) for file in (FOLDER / "openapi").glob("*.json")}


def asyncapi(broker: str) -> dict[str, Any]:
    return _read(FOLDER / "asyncapi" / f"{broker}.json")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method and path of each operation, and what the document says of it."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


@cache
def event_validator() -> Draft202012Validator:
    """Numbers in it are Decimals; those of an instance have to be, or 0.07 is no multiple of 0.01.

    Python's $ also matches before a line end, and that of JSON Schema does not.
    """
    text = (EVENTS / "order.placed.schema.json").read_text().replace('$"', r'\\Z"')
    return Draft202012Validator(json.loads(text, parse_float=Decimal))


def is_valid(body: bytes) -> bool:
    """Whether the schema of the event takes this body."""
    return event_validator().is_valid(json.loads(body, parse_float=Decimal))


def _read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_bytes())
    return document
