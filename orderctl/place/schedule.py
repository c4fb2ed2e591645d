"""Places many orders on an open schedule: the next one is due whether or not the last is done."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from orderctl.audit.facts import Answer
from orderctl.audit.ledger import Ledger
from orderctl.place.baskets import Basket
from orderctl.place.order_client import NotAccepted, OrderClient, Placed

#: Orders that may be under way at once. A service that answers in 10 ms needs a few.
MOST_UNDER_WAY = 64


@dataclass(frozen=True)
class Placing:
    """What came of it: orders in the sequence of their schedule, and why others failed."""

    placed: tuple[Placed, ...]
    failures: tuple[str, ...]
    seconds: float

    @property
    def rate(self) -> float:
        """Orders a second that were accepted."""
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
    """Place `count` orders, `rate` a second. `tell` is called with how many are on their way."""

    def place(basket: Basket) -> Placed:
        placed = client.place(basket)
        if ledger:
            ledger.append(Answer(placed.order_id, status=placed.status))
        return placed

    client.warm_up()
    began = clock()
    with ThreadPoolExecutor(min(count, MOST_UNDER_WAY)) as senders:
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
