"""Assembles the OpenAPI document of the order service."""

from typing import Any

from services.order.openapi.paths import PATHS, TAGS
from services.order.openapi.schemas import SCHEMAS
from shared.openapi.document import document as framed

_DESCRIPTION = """\
Accepts orders: stores each order together with its event, and responds. Other services do \
everything else afterwards.

Every refusal is a problem document (RFC 9457), and nothing was stored. The exception is a failed \
order (`502`, `504`): it is stored, and its effects are not undone. A method that a path does not \
support returns `405`, with the supported methods in `Allow`.\
"""


def document() -> dict[str, Any]:
    return framed("The order service", _DESCRIPTION, PATHS, SCHEMAS, tags=TAGS)
