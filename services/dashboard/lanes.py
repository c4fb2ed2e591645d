"""Places orders in two lanes, asynchronous and synchronous, and measures response times."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Annotated

import msgspec
from msgspec import Meta

from services.dashboard.baskets import basket
from services.dashboard.watched_service import NoResponse, WatchedService
from shared.errors import DocumentError
from shared.http.documents import read_document

#: The modes of each lane.
LANES = {"events": ("async",), "calls": ("sync", "parallel")}
MOST_ORDERS = 10_000
MAX_RATE = 200.0
#: Maximum number of unanswered orders per lane; beyond it, the next order is sent late.
MAX_IN_FLIGHT = 32
#: Number of responses, and of waiting orders, in the state of a lane.
SHOWN = 40


class LaneAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The result of placing an order."""

    number: int
    mode: str
    status: Annotated[int, Meta(description="0 where there was no response.")]
    seconds: Annotated[float, Meta(description="From the request to the response.")]
    order_id: str | None = None
    detail: str | None = None


class Waiting(msgspec.Struct, frozen=True):
    """An order that has been waiting for its response for `seconds`."""

    number: int
    mode: str
    seconds: float


class LaneState(msgspec.Struct, frozen=True, rename="camel"):
    """Totals of a lane, and its newest orders."""

    sent: int
    answered: int
    refused: int
    to_come: Annotated[int, Meta(description="Orders of the run that have not been sent yet.")]
    rate: float
    waiting: tuple[Waiting, ...]
    answers: tuple[LaneAnswer, ...]
    median_seconds: Annotated[float | None, Meta(description="Of `answers`.")]


class _OrderResponse(msgspec.Struct, rename="camel"):
    order_id: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class LaneRun:
    mode: str
    count: int
    rate: float


class Lane:
    """Places orders at the order service, one at a time or as a run."""

    def __init__(
        self, order: WatchedService, rng: Random, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._order = order
        self._rng = rng
        self._clock = clock
        self._lock = threading.Lock()
        self._sent = self._answered = self._refused = self._to_come = 0
        self._rate = 0.0
        self._waiting: dict[int, tuple[str, float]] = {}
        self._answers: deque[LaneAnswer] = deque(maxlen=SHOWN)
        self._stop = threading.Event()
        self._running = threading.Lock()

    def place(self, mode: str) -> LaneAnswer:
        """Place one order and wait for the response."""
        number, began = self._begin(mode)
        try:
            response = self._order.send("POST", "/orders", basket(self._rng), {"mode": mode})
            status, body = response.status_code, _read(response.content)
        except NoResponse as error:
            status, body = 0, _OrderResponse(detail=str(error))
        seconds = self._clock() - began
        answer = LaneAnswer(number, mode, status, seconds, body.order_id, body.detail)
        self._end(answer)
        return answer

    def _begin(self, mode: str) -> tuple[int, float]:
        with self._lock:
            self._sent += 1
            began = self._clock()
            self._waiting[self._sent] = (mode, began)
            return self._sent, began

    def _end(self, answer: LaneAnswer) -> None:
        with self._lock:
            del self._waiting[answer.number]
            self._answered += 1
            self._refused += answer.status not in (201, 202)
            self._answers.append(answer)

    def start(self, run: LaneRun) -> bool:
        """Start a run in the background; False if one is already active."""
        if not self._running.acquire(blocking=False):
            return False
        self._stop.clear()
        self._to_come, self._rate = run.count, run.rate
        threading.Thread(target=self._run, args=[run], name="run", daemon=True).start()
        return True

    def stop(self) -> None:
        """Stop sending; orders already sent still get their responses."""
        self._stop.set()

    def _run(self, run: LaneRun) -> None:
        try:
            with ThreadPoolExecutor(MAX_IN_FLIGHT, thread_name_prefix="customer") as customers:
                self._send_all(run, customers)
        finally:
            self._to_come, self._rate = 0, 0.0
            self._running.release()

    def _send_all(self, run: LaneRun, customers: ThreadPoolExecutor) -> None:
        """Send on an open schedule, regardless of the responses so far."""
        free = threading.Semaphore(MAX_IN_FLIGHT)

        def place() -> None:
            try:
                self.place(run.mode)
            finally:
                free.release()

        began = self._clock()
        for number in range(run.count):
            if self._stop.wait(max(0.0, began + number / run.rate - self._clock())):
                return
            free.acquire()
            if self._stop.is_set():
                return
            self._to_come = run.count - number - 1
            customers.submit(place)

    def state(self) -> LaneState:
        now = self._clock()
        with self._lock:
            waiting = [Waiting(n, mode, now - began) for n, (mode, began) in self._waiting.items()]
            answers = tuple(self._answers)
        times = [answer.seconds for answer in answers]
        return LaneState(
            sent=self._sent,
            answered=self._answered,
            refused=self._refused,
            to_come=self._to_come,
            rate=self._rate,
            waiting=tuple(waiting[:SHOWN]),
            answers=answers,
            median_seconds=median(times) if times else None,
        )


def _read(content: bytes) -> _OrderResponse:
    try:
        return read_document(content, _OrderResponse)
    except DocumentError:
        return _OrderResponse()
