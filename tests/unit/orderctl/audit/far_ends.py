"""In-memory downstream systems and a fake broker, for tests of the audit's collector."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import msgspec

from orderctl.audit.evidence_store import EvidenceStore
from orderctl.audit.facts import Answer, Order, SeenEffect
from orderctl.settings import Addresses
from shared.errors import BrokerUnavailable
from shared.transport import LADDER, Archive, DeadLetter, Depth, Message, Publisher, Subscription
from shop.consumers import CONSUMERS

T = TypeVar("T")

PORTS = {
    "order": 8000,
    "relay": 8010,
    "email": 8001,
    "sms": 8002,
    "inventory": 8003,
    "analytics": 8004,
    "mail": 8025,
    "gateway": 8026,
}


def addresses(*consumers: str) -> Addresses:
    """All addresses are explicit, so that neither the environment nor a running demo is used."""
    return Addresses(
        broker_url="sqlite:///unused",
        consumers=consumers or CONSUMERS,
        retry_ladder=LADDER,
        order_url=url("order"),
        relay_url=url("relay"),
        email_url=url("email"),
        sms_url=url("sms"),
        inventory_url=url("inventory"),
        analytics_url=url("analytics"),
        mail_url=url("mail"),
        sms_gateway_url=url("gateway"),
    )


def url(name: str) -> str:
    return f"http://127.0.0.1:{PORTS[name]}"


Reply = Callable[[httpx.Request], httpx.Response]


def json(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=msgspec.json.encode(body))


def ndjson(*lines: object) -> httpx.Response:
    return httpx.Response(200, content=b"".join(msgspec.json.encode(x) + b"\n" for x in lines))


def order_row(number: int, **more: Any) -> dict[str, Any]:
    items = [
        {"productId": "prod-1", "quantity": 1, "price": 1},
        {"productId": "prod-1", "quantity": 2, "price": 1},
    ]
    row = {"orderId": f"ord-{number}", "eventId": f"event-{number}", "userId": "usr-1"}
    return (
        row
        | {
            "items": items,
            "totalAmount": 3.00,
            "status": "accepted",
            "placedAt": "2026-03-04T12:00:30Z",
        }
        | more
    )


@dataclass
class FarEnds:
    """Every address responds with its list; `answers` replaces single paths."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    movements: list[dict[str, Any]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    pending: int = 0
    unsettled: int = 0
    page: int = 1000
    answers: dict[tuple[str, str], Reply] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        [name] = [name for name, port in PORTS.items() if port == request.url.port]
        if name in self.down:
            raise httpx.ConnectError("refused")
        replaced = self.answers.get((name, request.url.path))
        return replaced(request) if replaced else self._usual(name, request)

    def _usual(self, name: str, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        usual: dict[tuple[str, str], Callable[[], httpx.Response]] = {
            ("order", "/orders"): lambda: self._paged("orders", self.orders, query, "cursor"),
            ("order", "/outbox"): lambda: json({"pending": self.pending}),
            ("gateway", "/messages"): lambda: self._paged("messages", self.texts, query, "after"),
            ("mail", "/api/v1/messages"): lambda: self._mails(int(query["start"])),
            ("email", request.url.path): lambda: json({}, 404),
            ("sms", request.url.path): lambda: json({}, 404),
            ("inventory", "/effects"): lambda: ndjson(*self.movements),
            ("inventory", "/stock"): lambda: json({"products": self.products}),
            ("analytics", "/effects"): lambda: ndjson(*self.facts),
            (name, "/health/ready"): lambda: json({"ready": True, "unsettled": self.unsettled}),
        }
        return usual[name, request.url.path]()

    def _mails(self, start: int) -> httpx.Response:
        shown = self.mails[start : start + self.page]
        return json({"total": len(self.mails), "messages": shown})

    def _paged(
        self, key: str, rows: list[dict[str, Any]], query: httpx.QueryParams, parameter: str
    ) -> httpx.Response:
        start = int(query.get(parameter, 0))
        end = start + min(self.page, int(query["limit"]))
        return json({key: rows[start:end], "next": str(end) if end < len(rows) else None})


class WatchedStore(EvidenceStore):
    """A store that records everything added to it."""

    def __init__(self) -> None:
        super().__init__()
        self.placed: list[Order] = []
        self.answered: list[Answer] = []
        self.effects: dict[str, list[SeenEffect]] = {}

    def add_orders(self, orders: Iterable[Order]) -> None:
        super().add_orders(_kept(orders, self.placed))

    def add_answers(self, answers: Iterable[Answer]) -> None:
        super().add_answers(_kept(answers, self.answered))

    def add_effects(self, service: str, effects: Iterable[SeenEffect]) -> None:
        super().add_effects(service, _kept(effects, self.effects.setdefault(service, [])))


def _kept(things: Iterable[T], kept: list[T]) -> Iterator[T]:
    for thing in things:
        kept.append(thing)
        yield thing


@dataclass
class FakeDeadLetters:
    letters: list[DeadLetter]
    is_down: bool = False

    def count(self) -> int:
        raise AssertionError("an audit counts the letters that it looks at")

    def browse(self, limit: int) -> Sequence[DeadLetter]:
        raise AssertionError("an audit looks at all of them")

    def scan(self) -> Generator[DeadLetter, None, None]:
        if self.is_down:
            raise BrokerUnavailable("refused")
        yield from self.letters

    def redrive(
        self, handles: Collection[str] | None = None, *, most: int = 0
    ) -> Sequence[DeadLetter]:
        raise AssertionError("an audit changes nothing")

    discard = redrive


@dataclass
class FakeBroker:
    """The read-only part of a broker; an audit must call nothing else."""

    depths: Mapping[str, Depth] = field(
        default_factory=lambda: dict.fromkeys(CONSUMERS, Depth(0, 0, 0))
    )
    dead: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_down: bool = False

    def depth(self, service: str) -> Depth:
        if self.is_down:
            raise BrokerUnavailable("refused")
        return self.depths[service]

    def dead_letters(self, service: str) -> FakeDeadLetters:
        letters = [dead_letter(id) for id in self.dead.get(service, ())]
        return FakeDeadLetters(letters, self.is_down)

    def archive(self, service: str) -> Archive:
        raise NotImplementedError

    def past(self) -> None:
        raise NotImplementedError

    def declare(self, services: Sequence[str]) -> None:
        raise AssertionError("an audit changes nothing")

    def missing(self, services: Sequence[str]) -> Sequence[str]:
        raise AssertionError("an audit has no use for this")

    def different(self, services: Sequence[str]) -> Sequence[str]:
        raise AssertionError("an audit has no use for this")

    def publisher(self) -> Publisher:
        raise AssertionError("an audit changes nothing")

    def subscribe(self, service: str, *, prefetch: int) -> Subscription:
        raise AssertionError("an audit changes nothing")


def dead_letter(event_id: str, body: bytes = b"{}", reason: str = "too odd") -> DeadLetter:
    message = Message(
        id=event_id, type="order.placed", source="/services/order", time="", key="", body=body
    )
    return DeadLetter(message, reason, "2026-01-01T00:00:00+00:00")
