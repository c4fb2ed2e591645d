"""OpenAPI 3.1: what each process answers over HTTP.

The order service builds and serves its own document, and that is taken as it is. The others are
written here, beside the code: schemas from its structs, limits from its constants, and held to it
by tests. What several processes answer is in one document, and the others refer to it.
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
    """By the name of the process; `consumer` is for whichever consumer."""
    return {
        "order": order(),
        "order-relay": relay(),
        "consumer": consumer(),
        **{name: service(name, own) for name, own in OWN.items()},
        "dashboard": dashboard(),
        "mail-sink": mail_sink(),
        "sms-gateway": sms_gateway(),
    }
