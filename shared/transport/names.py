"""The names of exchanges, queues, topics and groups: pure functions, in one place."""

import re
from collections.abc import Sequence

EVENTS_EXCHANGE = "order_events"
RETRY_EXCHANGE = "retry"
DEAD_LETTER_EXCHANGE = "dlx"
#: What is published is kept here as well, for replays: the oldest of it goes in the end.
EVENTS_STREAM = "order_events_stream"
#: Takes the marks by which a replay knows where to stop, to the stream and nowhere else.
REPLAY_EXCHANGE = "replay"
#: Leads to every queue that events go to, by way of an exchange of each queue's own.
EVERY_QUEUE = "every_service_queue"
#: Exchange and queue for what found no way from there: the queue refuses it, and so the publisher
#: is told.
NO_QUEUE = "no_service_queue"
#: A service's queue receives everything about orders; what it does not know, it ignores.
BINDING = "order.*"
END_MARKS = "end.*"

EVENTS_TOPIC = "order-events"
_DURATION = r"([0-9]{1,9})(ms|s)"

#: Seconds of a rung that is there whatever the ladder is: a delivery that uses no attempt and is
#: due soon must not wait for an hour because no rung is shorter.
DEFERRAL = 5.0


def work_queue(service: str) -> str:
    return f"{service}_service_queue"


def guard(queue: str) -> str:
    """The exchange that leads to this queue alone, and notices when it does not."""
    return f"{EVERY_QUEUE}.stream" if queue == EVENTS_STREAM else f"{queue}.guard"


def retry_queue(service: str, rung: float) -> str:
    """The delay is in the name, since a broker refuses to change that of an existing queue."""
    return f"{work_queue(service)}.retry.{_duration(rung)}"


def rungs(ladder: Sequence[float]) -> list[float]:
    """Seconds of every rung that a service has: those of its ladder, and the one for deferrals."""
    return sorted({DEFERRAL, *ladder})


def deferral_rung(after: float, ladder: Sequence[float]) -> float:
    """The rung for what is to come back after so many seconds: rather earlier than later."""
    return max((rung for rung in rungs(ladder) if rung <= after), default=rungs(ladder)[0])


def dead_letter_queue(service: str) -> str:
    return f"{work_queue(service)}.dlq"


def end_mark(service: str) -> str:
    """The routing key of the end marks that a service sets."""
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
