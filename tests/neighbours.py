"""Fake consumers for the order service's synchronous calls, which they record."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from sqlalchemy import Engine

from services.order.synchronous.calls import StageCalls
from services.order.synchronous.placing import SynchronousPlacing
from services.order.synchronous.runs import Runs
from shop.consumers import CONSUMERS

Answer = Callable[[httpx.Request], httpx.Response]


def applies(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"outcome": "applied"})


def is_down(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused")


def is_late(_request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("too late")


def responds(status: int, **body: Any) -> Answer:
    return lambda _request: httpx.Response(status, json=body)


class Neighbours:
    """`calls` records service and request of each call, in order.

    A service applies every event unless `answers` has another response for it. `limit` is the
    number of concurrent orders; `clock` is the time for leases, in seconds.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer] | None = None,
        *,
        limit: int = 4,
        clock: Callable[[], float] = time.time,
        **more: Answer,
    ) -> None:
        self.answers = {**(answers or {}), **more}
        self.calls: list[tuple[str, httpx.Request]] = []
        self._limit = limit
        self._clock = clock

    def synchronous(self, engine: Engine) -> SynchronousPlacing:
        stages = StageCalls(
            {name: f"http://{name}/" for name in CONSUMERS},
            timeout=5.0,
            orders=self._limit,
            client=httpx.Client(transport=httpx.MockTransport(self._answer)),
        )
        return SynchronousPlacing(
            Runs(engine, clock=lambda _tx: self._clock()), stages, limit=self._limit
        )

    @property
    def called(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        name = str(request.url.host)
        self.calls.append((name, request))
        return self.answers.get(name, applies)(request)
