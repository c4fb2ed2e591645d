"""The embedded broker: rows in a SQLite file, with columns where others have headers."""

from shared.transport.embedded.sql import MESSAGE_COLUMNS
from shared.transport.names import work_queue
from tools.contracts.asyncapi.parts import EVENT_SCHEMA, SERVICE, Part, channel, document, operation

_DESCRIPTION = """\
A file on one machine, read and written by our own code only: no protocol, and no binding. What \
other brokers carry in headers stands in columns of the tables `messages` and `deliveries`. A \
retry waits in its row until `due`, and a dead letter stays in its row, with `dead_reason` and \
`dead_at`. Published events are kept in `messages` for replays.\
"""
#: Columns that are empty until something has failed.
_HISTORY = ("first_failure", "first_failure_at", "last_failure", "last_failure_at")


def embedded() -> Part:
    server = {"host": "localhost", "pathname": "/.demo/broker.db", "protocol": "sqlite"}
    address, work = work_queue(SERVICE), "What a service has to do: rows of `deliveries`."
    return document(
        "Order events on the embedded broker",
        _DESCRIPTION,
        server,
        channels={"work": channel(address, work, "orderPlaced", {})},
        operations={
            "publish": operation("send", "work", "The relay: a row for each service, at once."),
            "consume": operation("receive", "work", "A consumer, under a lease that it renews."),
            "retry": operation("send", "work", "A consumer: try it again later."),
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
