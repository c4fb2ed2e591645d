"""The embedded broker: rows in a SQLite file, with columns where others have headers."""

from shared.transport.embedded.sql import MESSAGE_COLUMNS
from shared.transport.names import work_queue
from tools.contracts.asyncapi.parts import EVENT_SCHEMA, SERVICE, Part, channel, document, operation

_DESCRIPTION = """\
A file on one machine, accessed only by this project's code: there is no protocol and no binding. \
Columns of the tables `messages` and `deliveries` take the place of headers. A retry waits in its \
row until `due`, and a dead letter stays in its row, with `dead_reason` and `dead_at`. Published \
events stay in `messages` for replays.\
"""
#: Columns that are null until an attempt has failed.
_HISTORY = ("first_failure", "first_failure_at", "last_failure", "last_failure_at")


def embedded() -> Part:
    server = {"host": "localhost", "pathname": "/.demo/broker.db", "protocol": "sqlite"}
    address, work = work_queue(SERVICE), "The work of a service: rows of `deliveries`."
    return document(
        "Order events on the embedded broker",
        _DESCRIPTION,
        server,
        channels={"work": channel(address, work, "orderPlaced", {})},
        operations={
            "publish": operation(
                "send", "work", "The relay: one row per service, in one transaction."
            ),
            "consume": operation("receive", "work", "A consumer, under a lease that it renews."),
            "retry": operation("send", "work", "A consumer: retry later."),
            "redrive": operation("send", "work", "An operator: back, at attempt 1."),
        },
        components={"messages": {"orderPlaced": _message()}},
    )


def _message() -> Part:
    columns = [column.split(".")[1] for column in MESSAGE_COLUMNS.replace("\n", "").split(", ")]
    beside = [column.strip() for column in columns if column != "body"]
    texts = {column: {"type": "string"} for column in beside if column not in _HISTORY}
    history = {column: {"type": ["string", "null"]} for column in _HISTORY}
    properties = texts | history | {"attempt": {"type": "integer", "minimum": 1}}
    return {
        "name": "order.placed",
        "summary": "An order was placed.",
        "headers": {"type": "object", "properties": properties, "required": beside},
        "payload": {"$ref": EVENT_SCHEMA},
    }
