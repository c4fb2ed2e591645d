"""Customers who place an order once, at the time that the schedule has for them.

The schedule is open: the next order is due whether or not the last one has been answered, as
customers do not wait for each other. A time counts from when an order was due, so that a stall
shows in the times of all that came meanwhile. A closed one, where each order waits for the one
before, would place few orders while the shop is slow, and measure the stall once.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import msgspec

from orderctl.compare.results import Mode
from orderctl.place.baskets import Basket
from orderctl.progress import Tell, silent
from shared.errors import DocumentError
from shared.http.bounded_client import open_client
from shared.http.documents import read_document

#: Orders that may be under way at once: more than any shop here takes.
MOST_UNDER_WAY = 256
#: Four calls of ten seconds, and some: the service gives up before its customer does.
ANSWER_SECONDS = 60.0

_encoder = msgspec.json.Encoder(decimal_format="number")


class Stage(msgspec.Struct, frozen=True, rename="camel"):
    """A call that the order service made, in seconds from its first one."""

    stage: str
    outcome: str
    started_seconds: float
    seconds: float


class _Body(msgspec.Struct, rename="camel"):
    """Of an answer: the order, or the problem."""

    order_id: str | None = None
    stage: str | None = None
    stages: tuple[Stage, ...] = ()
    title: str = ""
    detail: str = ""


@dataclass(frozen=True)
class CustomerAnswer:
    """What a customer was told. `due` and `answered` are points in time, `status` is None
    without an answer, `reason` is "" for an order that was placed.
    """

    due: datetime
    answered: datetime
    seconds: float
    status: int | None
    order_id: str | None = None
    stage: str | None = None
    stages: tuple[Stage, ...] = ()
    reason: str = ""

    @property
    def is_placed(self) -> bool:
        return self.status in (httpx.codes.CREATED, httpx.codes.ACCEPTED)


def open_shop_door() -> httpx.Client:
    """A connection for each customer: one that is used again may be closing just then."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return open_client(ANSWER_SECONDS, limits=limits)


@dataclass(frozen=True)
class Customers:
    """Those of the shop at `url`, who all ask for the same mode."""

    client: httpx.Client
    url: str
    mode: Mode
    #: Called with each order that was placed and the status of its answer, before anything else
    #: happens.
    placed: Callable[[str, int], None] = lambda _order_id, _status: None

    def come(
        self,
        baskets: Iterable[Basket],
        schedule: Sequence[float],
        *,
        begin: float,
        tell: Tell = silent,
    ) -> list[CustomerAnswer]:
        """Place an order at each time of the schedule, in seconds from `begin`, which is one of
        `time.monotonic()`. The answers come in the order of the schedule.
        """
        with ThreadPoolExecutor(min(len(schedule), MOST_UNDER_WAY)) as threads:
            under_way = []
            for number, (at, basket) in enumerate(zip(schedule, baskets, strict=False), start=1):
                time.sleep(max(0.0, begin + at - time.monotonic()))
                under_way.append(threads.submit(self._place, basket, begin + at))
                tell(f"{self.mode}: {number} of {len(schedule)} orders are on their way")
            return [order.result() for order in under_way]

    def _place(self, basket: Basket, due: float) -> CustomerAnswer:
        reason, response = "", None
        try:
            response = self._send(basket)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
        now, answered = time.monotonic(), datetime.now(UTC)
        answer = _read(response, answered - timedelta(seconds=now - due), answered, now - due)
        if answer.is_placed and answer.order_id and answer.status:
            self.placed(answer.order_id, answer.status)
        return answer if response else replace(answer, reason=reason)

    def _send(self, basket: Basket) -> httpx.Response:
        return self.client.post(
            f"{self.url.rstrip('/')}/orders",
            params={"mode": self.mode},
            content=_encoder.encode(basket),
            headers={"Content-Type": "application/json"},
        )


def _read(
    response: httpx.Response | None, due: datetime, answered: datetime, seconds: float
) -> CustomerAnswer:
    if response is None:
        return CustomerAnswer(due, answered, seconds, None)
    body = _Body()
    with suppress(DocumentError):
        body = read_document(response.content, _Body)
    reason = " ".join(filter(None, (body.title or response.reason_phrase, body.detail)))
    return CustomerAnswer(
        due,
        answered,
        seconds,
        response.status_code,
        body.order_id,
        body.stage,
        body.stages,
        "" if response.is_success else reason,
    )
