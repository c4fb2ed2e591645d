"""The OpenAPI document of the order service, put together."""

from typing import Any

from services.order.openapi.paths import PATHS, TAGS
from services.order.openapi.schemas import SCHEMAS
from shared.openapi.document import document as framed

_DESCRIPTION = """\
Takes orders: writes each down together with its event, and answers. Everything else happens \
afterwards, in other services.

Every refusal is a problem document (RFC 9457), and nothing was written, but for an order that \
failed (`502`, `504`): it is there, and what was done for it is not undone. A method that a path \
does not have is answered with `405`, and `Allow` names those that it has.\
"""


def document() -> dict[str, Any]:
    return framed("The order service", _DESCRIPTION, PATHS, SCHEMAS, tags=TAGS)
