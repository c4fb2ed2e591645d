"""Sets up structured logs, and defines the metrics of consumers."""

import logging
import sys
from functools import cache, partial
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import Processor

from shared.log_output import LogOutput, open_missing_descriptors

SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

CONSUMED = Counter("messages_consumed", "Deliveries settled, by outcome.", ["service", "outcome"])
PROCESSING = Histogram(
    "message_processing_seconds", "From delivery to settlement.", ["service"], buckets=SECONDS
)
END_TO_END = Histogram(
    "message_end_to_end_seconds",
    "From the event's time to its settlement as applied.",
    ["service"],
    buckets=SECONDS,
)
RECEIVING = Gauge(
    "consumer_receiving", "1 while the consumer receives messages, 0 while it waits.", ["service"]
)
UNSETTLED = Gauge("consumer_unsettled", "Deliveries in flight at the consumer.", ["service"])


class Settlements:
    """Counts the settlements of one service. Times are in seconds.

    Caches the labelled metrics: looking one up costs more than counting.
    """

    def __init__(self, service: str) -> None:
        self._processing = PROCESSING.labels(service)
        self._end_to_end = END_TO_END.labels(service)
        self._consumed = cache(partial(CONSUMED.labels, service))

    def count(self, outcome: str, *, processing: float) -> None:
        self._consumed(outcome).inc()
        self._processing.observe(processing)

    def applied(self, *, age: float) -> None:
        self._end_to_end.observe(age)


def configure_logging(service: str, level: str = "info") -> None:
    """Log to standard error: JSON lines, or columns when that is a terminal."""
    open_missing_descriptors()
    output = LogOutput(2)
    # Python and gunicorn print uncaught errors there as well.
    sys.stderr = output
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _names(service),
    ]
    # Our own lines bypass the standard library's logging, which costs several times as much.
    structlog.configure(
        processors=[*shared, *_render()],
        logger_factory=structlog.WriteLoggerFactory(output),  # type: ignore[arg-type]
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(_formatter(shared))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for chatty in ("httpx", "httpcore", "mail.log"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # pika logs a stack trace for every failure that it also raises.
    logging.getLogger("pika").setLevel(logging.CRITICAL)


def _formatter(shared: list[Processor]) -> logging.Formatter:
    """Formats the log records of gunicorn and other libraries like our own."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_render()],
    )


def _render() -> list[Processor]:
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _names(service: str) -> Processor:
    def add(_logger: Any, _method: str, event: Any) -> Any:
        event["service"] = service
        return event

    return add
