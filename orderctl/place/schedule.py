"""Places many orders on an open schedule, at a fixed rate whatever the response times."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from orderctl.audit.facts import Answer
from orderctl.audit.ledger import Ledger
from orderctl.place.baskets import Basket
from orderctl.place.order_client import NotAccepted, OrderClient, Placed

#: The most orders in flight at once. A service that responds in 10 ms needs only a few.
MOST_IN_FLIGHT = 64


@dataclass(frozen=True)
class Placing:
    """The placed orders in the sequence of their schedule, and the reasons of the failed ones."""

    placed: tuple[Placed, ...]
    failures: tuple[str, ...]
    seconds: float

    @property
    def rate(self) -> float:
        """Accepted orders per second."""
        return len(self.placed) / self.seconds if self.seconds else 0.0


def place_orders(
    client: OrderClient,
    baskets: Iterable[Basket],
    *,
    count: int,
    rate: float,
    ledger: Ledger | None = None,
    tell: Callable[[int], None] = lambda _placed: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Placing:
    """Place `count` orders, `rate` per second. `tell` is called with the number sent so far."""

    def place(basket: Basket) -> Placed:
        placed = client.place(basket)
        if ledger:
            ledger.append(Answer(placed.order_id, status=placed.status))
        return placed

    client.warm_up()
    began = clock()
    with ThreadPoolExecutor(min(count, MOST_IN_FLIGHT)) as senders:
        futures = []
        for number, basket in enumerate(islice(baskets, count)):
            sleep(max(0.0, began + number / rate - clock()))
            futures.append(senders.submit(place, basket))
            tell(number + 1)
        results = [_result(future) for future in futures]
    placed = tuple(result for result in results if isinstance(result, Placed))
    failures = tuple(result for result in results if isinstance(result, str))
    return Placing(placed, failures, clock() - began)


def _result(future: Future[Placed]) -> Placed | str:
    try:
        return future.result()
    except NotAccepted as error:
        return str(error)
