"""The JSON Schema of `order.placed`, derived from the class that consumers decode it into."""

from typing import Any

import msgspec

from shared.events import ID_PATTERN, MAX_AMOUNT, ORDER_PLACED, OrderPlaced

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DESCRIPTION = """\
The body of the event, exactly. What is about the event itself, such as its id, travels beside it \
in CloudEvents attributes. Consumers ignore fields that they do not know, and fields are only \
ever added. What a schema cannot say: totalAmount is the sum of all items.\
"""


def event_schema() -> Schema:
    """JSON Schema 2020-12. Source: https://json-schema.org/draft/2020-12/json-schema-core."""
    _, parts = msgspec.json.schema_components([OrderPlaced], ref_template="#/$defs/{name}")
    order = _as_written(parts.pop("OrderPlaced"))
    return {
        "$schema": DIALECT,
        **order,
        "title": ORDER_PLACED,
        "description": _DESCRIPTION,
        "$defs": _as_written(parts),
    }


def _as_written(part: Any) -> Any:
    """msgspec's schema, with two things as they are on the wire and in JSON Schema."""
    match part:
        case {"format": "decimal"}:
            # msgspec takes for granted that a Decimal is written as a string. Ours is a number.
            return {"type": "number", "minimum": 0, "maximum": MAX_AMOUNT, "multipleOf": 0.01}
        case {"pattern": pattern} if pattern == ID_PATTERN:
            # \Z is Python's alone. In JSON Schema a pattern's $ matches at the end only.
            return part | {"pattern": ID_PATTERN.replace(r"\Z", "$")}
        case dict():
            return {name: _as_written(value) for name, value in part.items()}
        case list():
            return [_as_written(value) for value in part]
        case _:
            return part
