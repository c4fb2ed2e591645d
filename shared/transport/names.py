"""The names of exchanges, queues, topics and groups: pure functions, in one place."""

import re
from collections.abc import Sequence

EVENTS_EXCHANGE = "order_events"
RETRY_EXCHANGE = "retry"
DEAD_LETTER_EXCHANGE = "dlx"
#: Also keeps every published event, for replays, until its retention deletes the oldest.
EVENTS_STREAM = "order_events_stream"
#: Routes end marks, which tell a replay where to stop, to the stream and nowhere else.
REPLAY_EXCHANGE = "replay"
#: Routes events to every queue, through an exchange for each queue.
EVERY_QUEUE = "every_service_queue"
#: Exchange and queue for messages that could not be routed from there: the queue rejects them, so
#: that the publisher gets a nack.
NO_QUEUE = "no_service_queue"
#: A service's queue receives all messages about orders; the service ignores unknown types.
BINDING = "order.*"
END_MARKS = "end.*"

EVENTS_TOPIC = "order-events"
_DURATION = r"([0-9]{1,9})(ms|s)"

#: Seconds of a rung that exists for every ladder: a deferred delivery that is due soon must not
#: wait for an hour because no rung is shorter.
DEFERRAL = 5.0


def work_queue(service: str) -> str:
    return f"{service}_service_queue"


def guard(queue: str) -> str:
    """The exchange that routes to this queue alone, so that a missing binding is noticed."""
    return f"{EVERY_QUEUE}.stream" if queue == EVENTS_STREAM else f"{queue}.guard"


def retry_queue(service: str, rung: float) -> str:
    """The name contains the delay, since a broker cannot change that of an existing queue."""
    return f"{work_queue(service)}.retry.{_duration(rung)}"


def rungs(ladder: Sequence[float]) -> list[float]:
    """Seconds of every rung of a service: those of its ladder, and the one for deferrals."""
    return sorted({DEFERRAL, *ladder})


def deferral_rung(after: float, ladder: Sequence[float]) -> float:
    """The rung for a redelivery after `after` seconds: the longest that is not later."""
    return max((rung for rung in rungs(ladder) if rung <= after), default=rungs(ladder)[0])


def dead_letter_queue(service: str) -> str:
    return f"{work_queue(service)}.dlq"


def end_mark(service: str) -> str:
    """The routing key of the end marks that a service publishes."""
    return f"end.{service}"


def group(service: str) -> str:
    return f"{service}-service"


def retry_topic(service: str, rung: float) -> str:
    return f"{EVENTS_TOPIC}.{group(service)}.retry.{_duration(rung)}"


def rung(service: str, topic: str) -> float | None:
    """The seconds in the name of a retry topic; None for another topic."""
    matched = re.fullmatch(re.escape(f"{EVENTS_TOPIC}.{group(service)}.retry.") + _DURATION, topic)
    if matched is None:
        return None
    return int(matched[1]) / (1000 if matched[2] == "ms" else 1)


def redrive_topic(service: str) -> str:
    return f"{EVENTS_TOPIC}.{group(service)}.redrive"


def dead_letter_topic(service: str) -> str:
    return f"{EVENTS_TOPIC}.{group(service)}.dlq"


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"
