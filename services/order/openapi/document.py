"""The OpenAPI document of the order service, put together."""

from typing import Any

from services.order.openapi.paths import OPERATORS, ORDERS, PATHS, SERVICE
from services.order.openapi.schemas import SCHEMAS

_DESCRIPTION = """\
Takes orders: writes each down together with its event, and answers. Everything else happens \
afterwards, in other services.

Every refusal is a problem document (RFC 9457), and nothing was written, but for an order that \
failed (`502`, `504`): it is there, and what was done for it is not undone. A method that a path \
does not have is answered with `405`, and `Allow` names those that it has.\
"""


def document() -> dict[str, Any]:
    """OpenAPI 3.1. Source: https://spec.openapis.org/oas/v3.1.1.html."""
    return {
        "openapi": "3.1.1",
        "info": {"title": "The order service", "version": "1", "description": _DESCRIPTION},
        # Wherever the document comes from, there the service is.
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in (ORDERS, OPERATORS, SERVICE)],
        "paths": PATHS,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "operator": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The OPERATOR_TOKEN that the service was started with.",
                }
            },
        },
    }
