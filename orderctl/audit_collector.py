"""Collects the evidence, in an order in which nothing that moves looks like a fault."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx

from orderctl import audit_witnesses as witnesses
from orderctl.audit_evidence import Effect, Evidence, Order, Stock
from orderctl.audit_pages import Witness
from orderctl.errors import EvidenceUnreadable, UsageError
from orderctl.ledger import read_ledger
from orderctl.progress import Tell, silent
from orderctl.settings import Addresses
from shared.errors import BrokerUnavailable
from shared.topology import LATECOMERS
from shared.transport import Broker

#: More dead letters than anybody should have; so many are looked at.
MOST_DEAD_LETTERS = 100_000
#: How many things are read between two words about it.
TELL_EVERY = 500

T = TypeVar("T")


class Collector:
    """Asks everybody. What cannot be read is remembered, so that one error names all of it."""

    def __init__(
        self, addresses: Addresses, client: httpx.Client, broker: Broker, *, tell: Tell = silent
    ) -> None:
        self._addresses = addresses
        self._client = client
        self._broker = broker
        self._tell = tell
        self._moved: Counter[str] = Counter()
        self._reasons: list[str] = []

    def collect(self, ledger: Path | None = None) -> Evidence:
        """Read everything once. Raises EvidenceUnreadable, which names all that cannot be read.

        First what clients were answered, then the effects, then the orders: an order was there
        before its answer and before its effects, so that nothing is mistaken for an orphan.
        """
        consumers = self._addresses.consumers
        answers = None if ledger is None else self._all("answers", lambda: read_ledger(ledger))
        stock: Mapping[str, Stock] = self._try(self._stock, {})
        effects = {name: self._all(name, self._lister(name)) for name in consumers}
        is_unmoved = stock == self._try(self._stock, stock)
        joined = self._joined()
        dead = {name: self._all(f"dead letters of {name}", self._dead(name)) for name in consumers}
        orders = self._all("orders", self._orders)
        if self._reasons:
            raise EvidenceUnreadable(*dict.fromkeys(self._reasons))
        balances = stock if is_unmoved else None
        return Evidence(orders, effects, dead, answers, balances, self._moved, joined)

    def _try(self, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except EvidenceUnreadable as error:
            self._reasons.extend(error.reasons)
            return otherwise

    def _all(self, what: str, read: Callable[[], Iterator[T]]) -> tuple[T, ...]:
        return self._try(lambda: tuple(self._counted(what, read())), ())

    def _counted(self, what: str, things: Iterator[T]) -> Iterator[T]:
        for number, thing in enumerate(things):
            if number and number % TELL_EVERY == 0:
                self._tell(f"reading {what}: {number:,}")
            yield thing

    def _orders(self) -> Iterator[Order]:
        return witnesses.orders(self._service("order", self._addresses.order_url))

    def _stock(self) -> Mapping[str, Stock]:
        if "inventory" not in self._addresses.consumers:
            return {}
        return witnesses.stock(self._service("inventory", self._addresses.inventory_url))

    def _joined(self) -> Mapping[str, datetime | None]:
        names = [name for name in LATECOMERS if name in self._addresses.consumers]
        return {name: self._try(partial(self._joined_at, name), None) for name in names}

    def _joined_at(self, name: str) -> datetime | None:
        return witnesses.joined(self._service(name, self._addresses.of(name)))

    def _lister(self, consumer: str) -> Callable[[], Iterator[Effect]]:
        addresses = self._addresses
        listers: Mapping[str, Callable[[], Iterator[Effect]]] = {
            "email": lambda: witnesses.mails(self._witness("mail", addresses.mail_url)),
            "sms": lambda: witnesses.texts(self._witness("sms gateway", addresses.sms_gateway_url)),
            "inventory": self._movements,
            "analytics": lambda: witnesses.facts(
                self._service("analytics", addresses.analytics_url)
            ),
            "shipping": lambda: witnesses.shipments(
                self._service("shipping", addresses.shipping_url)
            ),
        }
        if consumer not in listers:
            raise UsageError(
                f"CONSUMERS names {consumer}, whose effects the audit does not know: "
                f"it takes {', '.join(listers)}."
            )
        return listers[consumer]

    def _movements(self) -> Iterator[Effect]:
        inventory = self._service("inventory", self._addresses.inventory_url)
        for movement in witnesses.movements(inventory):
            self._moved[movement.product_id] += movement.moved
            yield witnesses.effect_of(movement)

    def _dead(self, consumer: str) -> Callable[[], Iterator[str]]:
        def handles() -> Iterator[str]:
            try:
                letters = self._broker.dead_letters(consumer).browse(MOST_DEAD_LETTERS)
            except BrokerUnavailable as error:
                raise EvidenceUnreadable(
                    f"the dead letters of {consumer} cannot be read ({error}): start the broker, "
                    "or set BROKER_URL to where it is, then run the audit again."
                ) from error
            return iter([letter.handle for letter in letters])

        return handles

    def _witness(self, name: str, url: str) -> Witness:
        """Somebody else's server, which our token is nothing to."""
        return Witness(self._client, name, url)

    def _service(self, name: str, url: str) -> Witness:
        return Witness(self._client, name, url, self._addresses.operator_token)
