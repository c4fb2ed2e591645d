"""OpenAPI 3.1 documents of the HTTP interface of each process.

The order service builds and serves its own document, which is used unchanged. The others are
generated here: schemas from the structs of the code, limits from its constants; tests compare them
with the code. Responses shared by several processes are in one document, to which others refer.
"""

from typing import Any

from services.order.openapi.document import document as order
from tools.contracts.openapi.consumers import consumer
from tools.contracts.openapi.dashboard import dashboard
from tools.contracts.openapi.mail_sink import mail_sink
from tools.contracts.openapi.own import OWN
from tools.contracts.openapi.relay import relay
from tools.contracts.openapi.services import service
from tools.contracts.openapi.sms_gateway import sms_gateway


def documents() -> dict[str, dict[str, Any]]:
    """The documents by process name; `consumer` applies to every consumer."""
    return {
        "order": order(),
        "order-relay": relay(),
        "consumer": consumer(),
        **{name: service(name, own) for name, own in OWN.items()},
        "dashboard": dashboard(),
        "mail-sink": mail_sink(),
        "sms-gateway": sms_gateway(),
    }
