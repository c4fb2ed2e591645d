"""Orders and effects for audit tests: a correct history in which tests plant faults."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from orderctl.audit import judge as audit_judge
from orderctl.audit.evidence import Evidence
from orderctl.audit.evidence_store import EvidenceStore
from orderctl.audit.expected_effects import expected_effects
from orderctl.audit.facts import Answer, Item, Order, SeenEffect, Stock
from orderctl.audit.judge import OnVerdict, ignore
from orderctl.audit.replays import ExpectedResend
from orderctl.audit.verdict import Audit, ServiceAudit
from shop.consumers import CONSUMERS

INITIAL = 1000
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@dataclass(frozen=True)
class History:
    """A collector's findings. `resends`: the replays that a service knows, by service and id."""

    orders: Sequence[Order]
    effects: Mapping[str, Sequence[SeenEffect]]
    dead_letters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    answers: Sequence[Answer] | None = None
    stock: Mapping[str, Stock] | None = field(default_factory=dict)
    moved: Mapping[str, int] = field(default_factory=dict)
    joined: Mapping[str, datetime | None] = field(default_factory=dict)
    resends: Mapping[tuple[str, str], ExpectedResend] = field(default_factory=dict)


def an_order(number: int, quantities: Mapping[str, int] | None = None) -> Order:
    wanted = quantities or {"prod-1": 2, "prod-2": 1}
    items = tuple(Item(product, pieces, Decimal("9.99")) for product, pieces in wanted.items())
    return Order(
        order_id=f"ord-{number}",
        event_id=f"event-{number}",
        user_id=f"usr-{number}",
        items=items,
        total=sum((item.total for item in items), Decimal(0)),
        placed_at=NOON,
    )


def done(service: str, orders: Iterable[Order]) -> tuple[SeenEffect, ...]:
    """The effects of a service when everything worked."""
    return tuple(effect for order in orders for effect in expected_effects(service, order))


def faultless(orders: Sequence[Order]) -> History:
    moved: dict[str, int] = {}
    for order in orders:
        for product, quantity in order.quantities.items():
            moved[product] = moved.get(product, 0) + quantity
    return History(
        orders=tuple(orders),
        effects={service: done(service, orders) for service in CONSUMERS},
        stock={product: Stock(INITIAL, INITIAL - pieces) for product, pieces in moved.items()},
        moved=moved,
    )


def with_effects(history: History, service: str, *effects: SeenEffect) -> History:
    """The same history with exactly these effects of one service."""
    return replace(history, effects={**history.effects, service: effects})


def judge(history: History, *, quiet: bool, on_verdict: OnVerdict = ignore) -> Audit:
    with closing(EvidenceStore()) as store:
        return audit_judge.judge(_evidence(history, store), quiet=quiet, on_verdict=on_verdict)


def _evidence(history: History, store: EvidenceStore) -> Evidence:
    store.open_entries()
    store.add_answers(history.answers or ())
    for service, effects in history.effects.items():
        store.add_effects(service, effects)
    store.add_orders(history.orders)
    store.close_entries()
    for (service, replay), resend in history.resends.items():
        store.allow(service, replay, resend)
    return Evidence(
        store=store,
        services=tuple(history.effects),
        dead_letters=history.dead_letters,
        has_ledger=history.answers is not None,
        stock=history.stock,
        moved=history.moved,
        joined=history.joined,
    )


def judged(history: History, service: str, *, quiet: bool = True) -> ServiceAudit:
    [found] = [s for s in judge(history, quiet=quiet).services if s.service == service]
    return found


def status(audit: Audit, *, crashes: int = 0) -> tuple[int, int]:
    """The exit statuses without and with --strict."""
    return (
        audit.exit_status(strict=False, crashes=crashes),
        audit.exit_status(strict=True, crashes=crashes),
    )
