"""The JSON Schema of `order.placed`, derived from the class that consumers decode."""

from typing import Any

import msgspec

from shared.events import ORDER_PLACED, OrderPlaced
from shared.openapi.structs import as_json

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
    order = as_json(parts.pop("OrderPlaced"))
    return {
        "$schema": DIALECT,
        **order,
        "title": ORDER_PLACED,
        "description": _DESCRIPTION,
        "$defs": as_json(parts),
    }
