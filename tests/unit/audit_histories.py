"""Orders and effects for the tests of the audit: a history without a fault, to plant one in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from orderctl.audit_evidence import Effect, Evidence, Order, Stock, expected_effects
from orderctl.audit_judge import judge
from orderctl.audit_verdict import Audit, ServiceAudit
from shared.topology import CONSUMERS

INITIAL = 1000


def an_order(number: int, quantities: Mapping[str, int] | None = None) -> Order:
    return Order(
        order_id=f"ord-{number}",
        event_id=f"event-{number}",
        quantities=quantities or {"prod-1": 2, "prod-2": 1},
        total=Decimal("99.98"),
    )


def done(service: str, orders: Sequence[Order]) -> tuple[Effect, ...]:
    """What the far end shows when all went well."""
    return tuple(effect for order in orders for effect in expected_effects(service, order))


def faultless(orders: Sequence[Order]) -> Evidence:
    moved: dict[str, int] = {}
    for order in orders:
        for product, quantity in order.quantities.items():
            moved[product] = moved.get(product, 0) + quantity
    return Evidence(
        orders=tuple(orders),
        effects={service: done(service, orders) for service in CONSUMERS},
        stock={product: Stock(INITIAL, INITIAL - pieces) for product, pieces in moved.items()},
        moved=moved,
    )


def with_effects(evidence: Evidence, service: str, *effects: Effect) -> Evidence:
    """The same history, but this service did exactly these things."""
    return replace(evidence, effects={**evidence.effects, service: effects})


def judged(evidence: Evidence, service: str, *, quiet: bool = True) -> ServiceAudit:
    [found] = [s for s in judge(evidence, quiet=quiet).services if s.service == service]
    return found


def status(audit: Audit) -> tuple[int, int]:
    """The exit status without and with --strict."""
    return audit.exit_status(strict=False), audit.exit_status(strict=True)
