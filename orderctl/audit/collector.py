"""Collects the evidence, in an order that never makes work in progress look like a fault."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import httpx

from orderctl.audit import far_ends
from orderctl.audit.evidence import Evidence
from orderctl.audit.evidence_client import EvidenceClient
from orderctl.audit.evidence_store import EvidenceStore
from orderctl.audit.facts import Order, SeenEffect, Stock
from orderctl.audit.ledger import read_ledger
from orderctl.audit.replays import RESENDING, ExpectedResend, to_resend
from orderctl.audit.stock import Shelves
from orderctl.errors import EvidenceUnreadable, UsageError
from orderctl.progress import Tell, silent
from orderctl.settings import Addresses
from shared.errors import BrokerUnavailable
from shared.replay.shapes import Replay
from shared.transport import Broker
from shop.consumers import LATECOMERS

#: The most dead letters per service whose handles are held in memory; nobody should have as many.
MOST_DEAD_LETTERS = 20_000
#: Progress is shown once per so many entries.
TELL_EVERY = 500

T = TypeVar("T")


class Collector:
    """Reads all sources. Failures are gathered, so that one error names all of them."""

    def __init__(
        self,
        addresses: Addresses,
        client: httpx.Client,
        broker: Broker,
        store: EvidenceStore,
        *,
        tell: Tell = silent,
    ) -> None:
        self._addresses = addresses
        self._client = client
        self._broker = broker
        self._tell = tell
        self._store = store
        self._reasons: list[str] = []

    def collect(self, ledger: Path | None = None) -> Evidence:
        """Read everything once. Raises EvidenceUnreadable, which names every unreadable source.

        It reads first the responses, then the effects, then the orders: an order exists before its
        response and its effects, so none of them is mistaken for an orphan.
        """
        consumers = self._addresses.consumers
        self._store.open_entries()
        if ledger is not None:
            self._add("answers", self._store.add_answers, lambda: read_ledger(ledger))
        stock: Mapping[str, Stock] = self._try(self._stock, {})
        shelves = Shelves(stock)
        for name in consumers:
            self._add(name, partial(self._store.add_effects, name), self._lister(name, shelves))
        is_unmoved = stock == self._try(self._stock, stock)
        joined = self._joined()
        dead = {name: self._dead(name) for name in consumers}
        self._add("orders", self._store.add_orders, self._orders)
        if not self._reasons:
            self._tell("sorting what was read")
            self._store.close_entries()
            self._try(self._allow_replays, None)
        if self._reasons:
            raise EvidenceUnreadable(*dict.fromkeys(self._reasons))
        balances = stock if is_unmoved else None
        has_ledger = ledger is not None
        return Evidence(self._store, consumers, dead, has_ledger, balances, shelves.moved, joined)

    def _try(self, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except EvidenceUnreadable as error:
            self._reasons.extend(error.reasons)
            return otherwise

    def _add(
        self, what: str, add: Callable[[Iterable[T]], None], read: Callable[[], Iterator[T]]
    ) -> None:
        self._try(lambda: add(self._counted(what, read())), None)

    def _counted(self, what: str, things: Iterator[T]) -> Iterator[T]:
        for number, thing in enumerate(things):
            if number and number % TELL_EVERY == 0:
                self._tell(f"reading {what}: {number:,}")
            yield thing

    def _orders(self) -> Iterator[Order]:
        return far_ends.orders(self._of("order"))

    def _stock(self) -> Mapping[str, Stock]:
        if "inventory" not in self._addresses.consumers:
            return {}
        return far_ends.stock(self._of("inventory"))

    def _joined(self) -> Mapping[str, datetime | None]:
        names = [name for name in LATECOMERS if name in self._addresses.consumers]
        return {name: self._try(partial(self._joined_at, name), None) for name in names}

    def _joined_at(self, name: str) -> datetime | None:
        return far_ends.joined(self._of(name))

    def _lister(self, consumer: str, shelves: Shelves) -> Callable[[], Iterator[SeenEffect]]:
        addresses = self._addresses
        listers: Mapping[str, Callable[[], Iterator[SeenEffect]]] = {
            "email": self._mails,
            "sms": lambda: far_ends.texts(
                self._other_server("sms gateway", addresses.sms_gateway_url)
            ),
            "inventory": lambda: map(shelves.take, far_ends.movements(self._of("inventory"))),
            "analytics": lambda: far_ends.facts(self._of("analytics")),
            "shipping": lambda: far_ends.shipments(self._of("shipping")),
        }
        if consumer not in listers:
            raise UsageError(
                f"CONSUMERS names {consumer}, but the audit can only read the effects of "
                f"{', '.join(listers)}."
            )
        return listers[consumer]

    def _mails(self) -> Iterator[SeenEffect]:
        server = self._other_server("mail", self._addresses.mail_url)
        total = far_ends.count_mails(server)
        yield from far_ends.mails(server)
        listed = self._store.count_effects("email")
        if listed < total:
            raise server.incomplete(far_ends.MAILS, listed, total)

    def _dead(self, consumer: str) -> Sequence[str]:
        nothing: Sequence[str] = ()
        return self._try(lambda: self._dead_letters(consumer), nothing)

    def _dead_letters(self, consumer: str) -> Sequence[str]:
        try:
            dead = self._broker.depth(consumer).dead
            if dead > MOST_DEAD_LETTERS:
                raise EvidenceUnreadable(
                    f"{consumer} has {dead:,} dead letters, more than the {MOST_DEAD_LETTERS:,} "
                    "that the audit can read: redrive or discard some, then run it again."
                )
            with closing(self._broker.dead_letters(consumer).scan()) as letters:
                return [letter.handle for letter in islice(letters, MOST_DEAD_LETTERS)]
        except BrokerUnavailable as error:
            raise EvidenceUnreadable(
                f"the dead letters of {consumer} cannot be read ({error}): start the broker, or "
                "set BROKER_URL to its address, then run the audit again."
            ) from error

    def _allow_replays(self) -> None:
        for service, replay in self._store.replays():
            if service in RESENDING and (resend := self._find_resend(service, replay)):
                self._store.allow(service, replay, resend)

    def _find_resend(self, service: str, replay: str) -> ExpectedResend | None:
        return to_resend(self._of(service).find(f"/replays/{replay}", Replay))

    def _of(self, service: str) -> EvidenceClient:
        return self._service(service, self._addresses.of(service))

    def _other_server(self, name: str, url: str) -> EvidenceClient:
        """A server that is not one of our services, so it must not receive our token."""
        return EvidenceClient(self._client, name, url)

    def _service(self, name: str, url: str) -> EvidenceClient:
        return EvidenceClient(self._client, name, url, self._addresses.operator_token)
