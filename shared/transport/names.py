"""The names of exchanges and queues: pure functions, in one place."""

EVENTS_EXCHANGE = "order_events"
RETRY_EXCHANGE = "retry"
DEAD_LETTER_EXCHANGE = "dlx"
#: A service's queue receives everything about orders; what it does not know, it ignores.
BINDING = "order.*"


def work_queue(service: str) -> str:
    return f"{service}_service_queue"


def retry_queue(service: str, rung: float) -> str:
    """The delay is in the name, since a broker refuses to change that of an existing queue."""
    return f"{work_queue(service)}.retry.{_duration(rung)}"


def dead_letter_queue(service: str) -> str:
    return f"{work_queue(service)}.dlq"


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"
