"""AsyncAPI 3.0 documents of each broker: channels, messages and headers."""

from typing import Any

from tools.contracts.asyncapi.embedded import embedded
from tools.contracts.asyncapi.kafka import kafka
from tools.contracts.asyncapi.rabbitmq import rabbitmq


def documents() -> dict[str, dict[str, Any]]:
    """Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0."""
    return {"rabbitmq": rabbitmq(), "kafka": kafka(), "embedded": embedded()}
