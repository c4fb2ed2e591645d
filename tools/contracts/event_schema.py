"""The JSON Schema of `order.placed`, derived from the class that consumers decode."""

from typing import Any

import msgspec

from shared.events import ORDER_PLACED, OrderPlaced
from shared.openapi.structs import as_json

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DESCRIPTION = """\
The body of the event. Metadata of the event, such as its id, is in CloudEvents attributes. \
Consumers ignore unknown fields, and fields are only ever added. A schema cannot express that \
totalAmount is the sum of all items.\
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
