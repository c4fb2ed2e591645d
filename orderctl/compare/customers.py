"""Places each order once, at its scheduled time.

The schedule is open: an order is due whether or not earlier ones have been answered, as customers
do not wait for each other. Response times count from the due time, so a stall affects all orders
due during it. A closed schedule, where each order waits for the previous one, would send few
orders while the shop is slow, and measure the stall only once.
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

#: The most orders in flight at once: more than any shop here accepts.
MOST_IN_FLIGHT = 256
#: More than four calls of ten seconds, so that the service times out before its customer.
RESPONSE_SECONDS = 60.0

_encoder = msgspec.json.Encoder(decimal_format="number")


class Stage(msgspec.Struct, frozen=True, rename="camel"):
    """A call made by the order service; times are in seconds since its first call."""

    stage: str
    outcome: str
    started_seconds: float
    seconds: float


class _Body(msgspec.Struct, rename="camel"):
    """The body of a response: an order, or a problem document."""

    order_id: str | None = None
    stage: str | None = None
    stages: tuple[Stage, ...] = ()
    title: str = ""
    detail: str = ""


@dataclass(frozen=True)
class CustomerAnswer:
    """The response to a customer. `seconds`: from `due` to `answered`.

    `status`: None without a response. `reason`: "" for a placed order.
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


def open_customer_client() -> httpx.Client:
    """A client with a new connection per order, since a reused one might just be closing."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return open_client(RESPONSE_SECONDS, limits=limits)


@dataclass(frozen=True)
class Customers:
    """Customers of the shop at `url`, who all use the same mode."""

    client: httpx.Client
    url: str
    mode: Mode
    #: Called with each placed order and the status of its response, before anything else.
    placed: Callable[[str, int], None] = lambda _order_id, _status: None

    def place(
        self,
        baskets: Iterable[Basket],
        schedule: Sequence[float],
        *,
        begin: float,
        tell: Tell = silent,
    ) -> list[CustomerAnswer]:
        """Place an order at each time of the schedule, in seconds since `begin` (monotonic).

        Returns the responses in the order of the schedule.
        """
        with ThreadPoolExecutor(min(len(schedule), MOST_IN_FLIGHT)) as threads:
            in_flight = []
            for number, (at, basket) in enumerate(zip(schedule, baskets, strict=False), start=1):
                time.sleep(max(0.0, begin + at - time.monotonic()))
                in_flight.append(threads.submit(self._place, basket, begin + at))
                tell(f"{self.mode}: {number} of {len(schedule)} orders sent")
            return [order.result() for order in in_flight]

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
