"""The document of one consumer: its own part, and references to the shared one."""

from shared.openapi.document import document
from shared.openapi.shapes import Schema
from tools.contracts.openapi.consumers import DESCRIPTION, SCHEMAS, consumer, order_path
from tools.contracts.openapi.elsewhere import path_in
from tools.contracts.openapi.own import Own

OF_ALL = "consumer.json"


def service(name: str, own: Own) -> Schema:
    """The document of a consumer. The order lookup is not shared, since it includes effects."""
    shared = {path: path_in(OF_ALL, path) for path in consumer()["paths"]}
    whole = document(
        f"The {name} service",
        f"{own.does} {DESCRIPTION}",
        shared | order_path() | own.paths,
        SCHEMAS | own.schemas | {"Effect": own.effect},
    )
    whole["components"]["securitySchemes"] = {
        "operator": {"$ref": f"{OF_ALL}#/components/securitySchemes/operator"}
    }
    return whole
