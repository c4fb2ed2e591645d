"""Places one order over HTTP, and places it again under the same key while nobody answers."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import msgspec

from orderctl.errors import CommandError
from orderctl.http_client import Problem, read_problem
from orderctl.place.baskets import Basket
from shared.errors import DocumentError
from shared.http.documents import read_document

#: Seconds before an order is sent again, when the answer does not say how long.
PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
ANSWER_SECONDS = 10.0
#: Accepted; or done already, where the order service does its orders by calls.
PLACED = (httpx.codes.ACCEPTED, httpx.codes.CREATED)

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Placed:
    """An order that was answered 202, or 201. `seconds`: from the first request to the answer."""

    order_id: str
    total: Decimal
    seconds: float
    attempts: int
    answered_at: datetime
    status: int = httpx.codes.ACCEPTED


class NotAccepted(CommandError):
    """The order was refused, or nobody took it within the client's patience."""


class _Answer(msgspec.Struct, rename="camel"):
    order_id: str
    total_amount: Decimal


class OrderClient:
    """Safe to use from many threads. `patience`: seconds for which an order is sent again.
    `mode`: sync, parallel or async; None for the one that the order service has by default.
    """

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        *,
        patience: float,
        mode: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._patience = patience
        self._query = {"mode": mode} if mode else {}
        self._clock = clock
        self._sleep = sleep

    def warm_up(self) -> None:
        """Open a connection, so that the first order's time is not that of the opening."""
        with suppress(httpx.HTTPError):
            self._client.get(f"{self._url}/health/live")

    def place(self, basket: Basket) -> Placed:
        """Place the order once, however often it is sent. Raises NotAccepted."""
        began, attempts, key = self._clock(), 0, f'"orderctl-{uuid.uuid4()}"'
        while True:
            attempts += 1
            pause, reason = PAUSE_SECONDS, ""
            try:
                response = self._send(basket, key)
                if response.status_code in PLACED:
                    return self._placed(response, self._clock() - began, attempts)
                pause, reason = _pause(response), _reason(response)
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
            if self._clock() + pause - began > self._patience:
                raise NotAccepted(
                    f"order at {self._url} took no order in {self._patience:g} s ({reason}): "
                    "start it, or say with --url or ORDER_URL where it is."
                )
            self._sleep(pause)

    def _send(self, basket: Basket, key: str) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        body = _encoder.encode(basket)
        url = f"{self._url}/orders"
        return self._client.post(url, params=self._query, content=body, headers=headers)

    def _placed(self, response: httpx.Response, seconds: float, attempts: int) -> Placed:
        now = datetime.now(UTC)
        try:
            answer = read_document(response.content, _Answer)
        except DocumentError as error:
            raise NotAccepted(
                f"what answers at {self._url} is not the order service ({error}): say with --url "
                "or ORDER_URL where it is."
            ) from error
        status = response.status_code
        return Placed(answer.order_id, answer.total_amount, seconds, attempts, now, status)


def _pause(response: httpx.Response) -> float:
    """How long to wait after this answer. Raises NotAccepted when waiting does not help."""
    if response.status_code not in (409, 429, 502, 503, 504):
        raise NotAccepted(f"the order was refused with {_reason(response)}")
    after = response.headers.get("Retry-After", "")
    return min(float(after), LONGEST_PAUSE_SECONDS) if after.isdigit() else PAUSE_SECONDS


def _reason(response: httpx.Response) -> str:
    problem = read_problem(response) or Problem()
    title = problem.title or response.reason_phrase
    return f"{response.status_code} {title} {problem.detail}".strip()
