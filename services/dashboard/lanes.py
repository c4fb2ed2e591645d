"""Two lanes in which orders are placed: by events, and by calls. Each times its answers."""

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
from services.dashboard.watched_service import NoAnswer, WatchedService
from shared.errors import DocumentError
from shared.http.documents import read_document

#: The modes that a lane takes.
LANES = {"events": ("async",), "calls": ("sync", "parallel")}
MOST_ORDERS = 10_000
FASTEST = 200.0
#: Orders of one lane that wait for their answer at once; the next one is due meanwhile, and late.
UNDER_WAY = 32
#: So many answers are shown, and so many of those that wait.
SHOWN = 40


class LaneAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What came of an order that was placed."""

    number: int
    mode: str
    status: Annotated[int, Meta(description="0 where there was no response.")]
    seconds: Annotated[float, Meta(description="From the request to the response.")]
    order_id: str | None = None
    detail: str | None = None


class Waiting(msgspec.Struct, frozen=True):
    """An order that waits for its answer, for so many `seconds` up to now."""

    number: int
    mode: str
    seconds: float


class LaneState(msgspec.Struct, frozen=True, rename="camel"):
    """How a lane stands, and its newest orders."""

    sent: int
    answered: int
    refused: int
    to_come: Annotated[int, Meta(description="Orders of the run that have not been sent.")]
    rate: float
    waiting: tuple[Waiting, ...]
    answers: tuple[LaneAnswer, ...]
    median_seconds: Annotated[float | None, Meta(description="Of `answers`.")]


class _Answered(msgspec.Struct, rename="camel"):
    order_id: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class LaneRun:
    mode: str
    count: int
    rate: float


class Lane:
    """Places orders at the order service, one by one or as many as a run says."""

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
        """Place one order and wait for its answer."""
        number, began = self._begin(mode)
        try:
            response = self._order.send("POST", "/orders", basket(self._rng), {"mode": mode})
            status, said = response.status_code, _read(response.content)
        except NoAnswer as error:
            status, said = 0, _Answered(detail=str(error))
        seconds = self._clock() - began
        answer = LaneAnswer(number, mode, status, seconds, said.order_id, said.detail)
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
        """Begin a run beside the caller; False while another one is on."""
        if not self._running.acquire(blocking=False):
            return False
        self._stop.clear()
        self._to_come, self._rate = run.count, run.rate
        threading.Thread(target=self._run, args=[run], name="run", daemon=True).start()
        return True

    def stop(self) -> None:
        """Send no more; what was sent is waited for."""
        self._stop.set()

    def _run(self, run: LaneRun) -> None:
        try:
            with ThreadPoolExecutor(UNDER_WAY, thread_name_prefix="customer") as customers:
                self._send_all(run, customers)
        finally:
            self._to_come, self._rate = 0, 0.0
            self._running.release()

    def _send_all(self, run: LaneRun, customers: ThreadPoolExecutor) -> None:
        """On an open schedule: the next one is due whether or not the last is answered."""
        free = threading.Semaphore(UNDER_WAY)

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


def _read(content: bytes) -> _Answered:
    try:
        return read_document(content, _Answered)
    except DocumentError:
        return _Answered()
