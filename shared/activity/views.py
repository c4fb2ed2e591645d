"""The endpoint `/activity`: a consumer's current state, for the dashboard."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint, Response

from shared.activity.reader import ActivityReader
from shared.activity.shapes import MOST_ORDERS, Activity, Asked, Ended, Queue
from shared.consuming.consumer import Consumer
from shared.errors import BrokerUnavailable, DocumentError
from shared.events import is_id
from shared.faults.injection import FaultInjector
from shared.http.app import json_response, problem, read_body
from shared.http.documents import read_document
from shared.http.operator_auth import Guard
from shared.transport import Depth

#: How long a queue depth is cached: some brokers count slowly.
CACHE_SECONDS = 0.5


class DepthCache:
    """The depth of one service's queues; one request at a time queries the broker."""

    def __init__(
        self, count: Callable[[], Depth], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._depth: Depth | None = None
        self._reason: str | None = None

    def now(self) -> tuple[Depth | None, str | None]:
        """The depth and None, or None and the reason."""
        with self._lock:
            if self._clock() - self._at >= CACHE_SECONDS:
                self._query()
            return self._depth, self._reason

    def _query(self) -> None:
        try:
            self._depth, self._reason = self._count(), None
        except BrokerUnavailable as error:
            self._depth, self._reason = None, str(error)
        self._at = self._clock()


def activity_views(
    reader: ActivityReader, consumer: Consumer, injector: FaultInjector, guard: Guard
) -> Blueprint:
    views = Blueprint("activity", __name__)
    views.before_request(guard)
    views.register_error_handler(DocumentError, _not_understood)
    depth_cache = DepthCache(consumer.depth)
    process = uuid.uuid4().hex[:8]

    @views.get("/activity")
    def show() -> Response:
        now = datetime.now(UTC)
        depth, why_unknown = depth_cache.now()
        activity = Activity(
            service=consumer.service,
            process=process,
            reason=consumer.why_not_ready() or injector.outage(),
            queue=_queue(depth),
            queue_reason=why_unknown,
            unsettled=consumer.unsettled,
            rungs=reader.rungs(now),
            applied_per_second=reader.applied_per_second(now),
            faults_allowed=injector.faults.allowed,
            faults=tuple(fault.shown(digits=1) for fault in injector.faults.now().values()),
            steps=reader.steps(now),
        )
        return json_response(activity)

    @views.post("/activity/ended")
    def ended() -> Response:
        """The outcome here of each of these orders, without those that have not ended."""
        asked = read_document(read_body(), Asked).orders
        if len(asked) > MOST_ORDERS:
            return problem(422, "Too many orders", f"Ask for at most {MOST_ORDERS} at a time.")
        return json_response(Ended(reader.ended([each for each in asked if is_id(each)])))

    return views


def _queue(depth: Depth | None) -> Queue | None:
    if depth is None:
        return None
    return Queue(depth.ready, depth.retrying, depth.dead, depth.counts_held)


def _not_understood(error: DocumentError) -> Response:
    return problem(400, "The body is not valid", str(error))
