"""Places an order over HTTP, with retries under the same idempotency key."""

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

#: Seconds before a retry, if the response has no Retry-After.
PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
#: Accepted (asynchronous), or completed (synchronous).
PLACED = (httpx.codes.ACCEPTED, httpx.codes.CREATED)

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Placed:
    """A placed order. `seconds`: from the first request to the response.

    `status`: that of the response, 202 (accepted) or 201 (completed).
    """

    order_id: str
    total: Decimal
    seconds: float
    attempts: int
    answered_at: datetime
    status: int = httpx.codes.ACCEPTED


class NotAccepted(CommandError):
    """The order was refused, or not accepted within the client's patience."""


class _Answer(msgspec.Struct, rename="camel"):
    order_id: str
    total_amount: Decimal


class OrderClient:
    """Thread-safe. `patience`: how long to retry an order, in seconds.

    `mode`: sync, parallel or async; None for the order service's default.
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
        """Open a connection, so that the first order's time does not include that."""
        with suppress(httpx.HTTPError):
            self._client.get(f"{self._url}/health/live")

    def place(self, basket: Basket) -> Placed:
        """Place the order exactly once, however often it is sent. Raises NotAccepted."""
        began, attempts, key = self._clock(), 0, f'"orderctl-{uuid.uuid4()}"'
        while True:
            attempts += 1
            try:
                response = self._send(basket, key)
                if response.status_code in PLACED:
                    return self._placed(response, self._clock() - began, attempts)
                pause, failure = _pause(response), self._not_accepted(_reason(response))
            except httpx.HTTPError as error:
                pause, failure = PAUSE_SECONDS, self._no_response(error)
            if self._clock() + pause - began > self._patience:
                raise failure
            self._sleep(pause)

    def _not_accepted(self, reason: str) -> NotAccepted:
        return NotAccepted(
            f"the order service at {self._url} did not accept it within {self._patience:g} s: "
            f"{reason}"
        )

    def _no_response(self, error: httpx.HTTPError) -> NotAccepted:
        return NotAccepted(
            f"the order service at {self._url} did not respond within {self._patience:g} s "
            f"({str(error) or type(error).__name__}): start it, or set --url or ORDER_URL to its "
            "address."
        )

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
                f"the server at {self._url} is not the order service ({error}): set --url or "
                "ORDER_URL to the order service's address."
            ) from error
        status = response.status_code
        return Placed(answer.order_id, answer.total_amount, seconds, attempts, now, status)


def _pause(response: httpx.Response) -> float:
    """Seconds to wait before the retry. Raises NotAccepted if a retry cannot succeed."""
    if response.status_code not in (409, 429, 502, 503, 504):
        raise NotAccepted(f"the order was refused: {_reason(response)}")
    after = response.headers.get("Retry-After", "")
    return min(float(after), LONGEST_PAUSE_SECONDS) if after.isdigit() else PAUSE_SECONDS


def _reason(response: httpx.Response) -> str:
    problem = read_problem(response) or Problem()
    title = problem.title or response.reason_phrase
    return f"{response.status_code} {title} {problem.detail}".strip()
