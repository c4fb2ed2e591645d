"""Counts requests, and serves /metrics in the order service and its relay."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from services.order.counting import FOLDER, reserve
from services.order.outbox import Backlog
from shared.errors import DatabaseUnavailable
from shared.observability import SECONDS

log = structlog.get_logger()

REQUESTS = Counter("http_requests", "Requests responded to.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "http_request_duration_seconds",
    "From the request's arrival in Flask to its response.",
    ["method", "route"],
    buckets=SECONDS,
)

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def begin_to_count() -> None:
    """Open the files of this worker; they stay usable even if their folder is deleted."""
    reserve()
    REQUESTS.labels("GET", "/health/live", "200")
    REQUEST_SECONDS.labels("GET", "/health/live")


def measure(app: Flask) -> None:
    """Count and time every request of an application."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        # Labels must not contain client input: each value creates a permanent time series.
        method = request.method if request.method in _METHODS else "other"
        route = request.url_rule.rule if request.url_rule else "unmatched"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        REQUEST_SECONDS.labels(method, route).observe(time.perf_counter() - g.began)
        return response


def exposition(backlog: Callable[[], Backlog]) -> Callable[[], Response]:
    """A view for /metrics: the counts of all workers, and the current state of the outbox.

    `backlog` must return, or raise DatabaseUnavailable, before a scrape times out.
    """

    def metrics() -> Response:
        now = CollectorRegistry()
        now.register(_Outbox(backlog))
        body = generate_latest(_counted()) + generate_latest(now)
        return Response(body, content_type=CONTENT_TYPE_LATEST)

    return metrics


def _counted() -> CollectorRegistry:
    folder = os.environ.get(FOLDER)
    if folder is None:
        return REGISTRY
    counted = CollectorRegistry()
    if Path(folder).is_dir():
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    else:
        log.warning(
            "metrics.lost",
            reason="the folder was deleted; a restart creates a new one",
            folder=folder,
        )
    return counted


class _Outbox(Collector):
    def __init__(self, backlog: Callable[[], Backlog]) -> None:
        self._backlog = backlog

    def collect(self) -> Iterable[GaugeMetricFamily]:
        try:
            state = self._backlog()
        except DatabaseUnavailable:
            # Leave out the unknown values. The counters matter even more during an outage.
            return
        yield GaugeMetricFamily("outbox_pending", "Events to be published.", state.pending)
        yield GaugeMetricFamily(
            "outbox_set_aside", "Events that cannot be published.", state.set_aside
        )
        yield GaugeMetricFamily(
            "outbox_oldest_age_seconds",
            "Age of the oldest event to be published.",
            state.oldest_age_seconds or 0.0,
        )
