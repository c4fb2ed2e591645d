"""Tracks which services have processed each of the newest orders.

The order service provides the orders; every service is queried about each order id.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from shared.activity.shapes import APPLIED

#: Older orders are dropped, and no displayed number includes them.
MOST_ORDERS = 10_000
ACCEPTED = "accepted"


class TrackedOrder(msgspec.Struct, rename="camel"):
    """The fields of an order that lists show."""

    order_id: str
    event_id: str
    user_id: str
    total_amount: float
    status: str
    placed_at: datetime

    @property
    def is_accepted(self) -> bool:
        return self.status == ACCEPTED


class TrackedOrders:
    """Only orders with the status `accepted` are followed; others are synchronous."""

    def __init__(self, services: Sequence[str], *, most: int = MOST_ORDERS) -> None:
        self._most = most
        self.orders: dict[str, TrackedOrder] = {}
        self._open: dict[str, dict[str, datetime]] = {name: {} for name in services}
        self._given_up: dict[str, set[str]] = {name: set() for name in services}
        #: Accepted orders that are not known to have left the outbox.
        self.unpublished: dict[str, datetime] = {}

    def knows(self, order_id: str) -> bool:
        return order_id in self.orders

    def add(self, newest_first: Iterable[TrackedOrder]) -> list[TrackedOrder]:
        """Add a list of orders; return the new ones, oldest first."""
        new = []
        for order in reversed(list(newest_first)):
            if order.order_id not in self.orders:
                new.append(order)
                if order.is_accepted:
                    self._follow(order)
            self.orders[order.order_id] = order
        self._forget_oldest()
        return new

    def _follow(self, order: TrackedOrder) -> None:
        self.unpublished[order.order_id] = order.placed_at
        for waiting in self._open.values():
            waiting[order.order_id] = order.placed_at

    def _forget_oldest(self) -> None:
        for order_id in list(self.orders)[: max(0, len(self.orders) - self._most)]:
            del self.orders[order_id]
            self.unpublished.pop(order_id, None)
            for name, waiting in self._open.items():
                waiting.pop(order_id, None)
                self._given_up[name].discard(order_id)

    def published(self, before: datetime) -> list[str]:
        """Mark orders placed before this time as published; return the newly published ones."""
        gone = [order_id for order_id, at in self.unpublished.items() if at < before]
        for order_id in gone:
            del self.unpublished[order_id]
        return gone

    def ended(self, service: str, ended: Mapping[str, str]) -> None:
        """Record outcomes at a service. A dead letter stays open, since it can be redriven."""
        for order_id, how in ended.items():
            if order_id not in self.orders:
                continue
            if how == APPLIED:
                self._open[service].pop(order_id, None)
                self._given_up[service].discard(order_id)
                self.unpublished.pop(order_id, None)
            elif order_id in self._open[service]:
                self._given_up[service].add(order_id)

    def redriven(self, service: str, order_id: str) -> None:
        self._given_up[service].discard(order_id)

    # --- queries -----------------------------------------------------------------------------

    @property
    def accepted(self) -> int:
        return sum(order.is_accepted for order in self.orders.values())

    @property
    def done(self) -> int:
        """Number of accepted orders that every service has processed."""
        still_open: set[str] = set().union(*self._open.values())
        return self.accepted - len(still_open)

    def waiting(self, service: str) -> list[str]:
        """Orders that the service has neither processed nor given up, oldest first."""
        given_up = self._given_up[service]
        return [order_id for order_id in self._open[service] if order_id not in given_up]

    def to_check(self, service: str) -> list[str]:
        """Unprocessed orders, oldest first, including dead letters, which may be redriven."""
        return list(self._open[service])

    def given_up(self, service: str) -> int:
        return len(self._given_up[service])

    def oldest(self, service: str) -> datetime | None:
        """Placing time of the oldest order that waits for this service."""
        given_up = self._given_up[service]
        times = (at for order_id, at in self._open[service].items() if order_id not in given_up)
        return next(times, None)

    def is_synchronous(self, order_id: str) -> bool:
        """Whether the order is synchronous, and so was never in a queue."""
        order = self.orders.get(order_id)
        return order is not None and not order.is_accepted

    def missing_at(self, order_id: str) -> list[str]:
        """The services that have not processed this order."""
        return [name for name, waiting in self._open.items() if order_id in waiting]
