"""The demo: starts the whole system on this machine, places orders and audits them."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from orderctl.audit.audit import Options, Result, run_audit
from orderctl.audit.effect_times import DoneAt, read_done
from orderctl.audit.evidence_client import EvidenceClient
from orderctl.audit.ledger import Ledger
from orderctl.demo.latecomer import Latecomer, expect_unknown, let_join
from orderctl.demo.timeline import TimelineRow, timeline
from orderctl.demo.watch import shown, watch
from orderctl.demo_folder import claimed, write_environment
from orderctl.http_client import open_client
from orderctl.place.baskets import BasketTemplate, baskets
from orderctl.place.order_client import OrderClient
from orderctl.place.schedule import Placing, place_orders
from orderctl.progress import Tell, progress
from orderctl.stack.parts import WORK_TIMES
from orderctl.stack.ports import DEFAULT_PORTS
from orderctl.stack.stack import Stack
from orderctl.stack.startup import brought_up, expect_usable
from shop.consumers import CONSUMERS

LEDGER = "accepted.ndjson"
#: How long, in seconds, an order is retried: plenty, as everything runs on this machine.
PATIENCE = 10.0


@dataclass(frozen=True)
class DemoPlan:
    """The demo's options. `rate`: orders per second; `broker_url`: None for the embedded broker."""

    orders: int
    rate: float
    folder: Path
    broker_url: str | None = None
    latecomer: bool = False
    #: Keep running after the orders, with a dashboard.
    keep: bool = False
    #: Use the documented ports if all of them are free.
    documented_ports: bool = True
    #: Modules by part that replace the default ones.
    replaced: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """The results. `latecomer` is None if no service joined late."""

    placing: Placing
    rows: tuple[TimelineRow, ...]
    audit: Result
    latecomer: Latecomer | None = None

    @property
    def exit_status(self) -> int:
        is_late = self.latecomer is not None and not self.latecomer.has_all
        return self.audit.exit_status or int(bool(self.placing.failures) or is_late)


@contextmanager
def running(plan: DemoPlan, say: Tell) -> Iterator[Stack]:
    """Run the whole system, ready for orders; stop it at the end, also after an error."""
    if plan.broker_url:
        expect_usable(plan.broker_url)
        if plan.latecomer:
            expect_unknown(plan.broker_url)
    with claimed(plan.folder), _stack(plan) as stack:
        if plan.documented_ports and dict(stack.plan.ports) != dict(DEFAULT_PORTS):
            say("Some documented ports are in use; this demo uses others.")
        with brought_up(stack, say):
            write_environment(stack.folder, stack.plan.common())
            if plan.keep:
                say(f"Watch it at {stack.urls['dashboard']}")
            yield stack


def _stack(plan: DemoPlan) -> Stack:
    stack = Stack(
        plan.folder,
        broker_url=plan.broker_url,
        work_times=WORK_TIMES,
        documented_ports=plan.documented_ports,
        faults_allowed=True,
        page=plan.keep,
    )
    stack.replaced = plan.replaced
    return stack


def show(stack: Stack, plan: DemoPlan, say: Tell) -> Shown:
    """Place the orders, watch the services, audit."""
    say(f"Placing {plan.orders} orders, {plan.rate:g} per second …")
    began = datetime.now(UTC)
    placing = _place(stack, plan, plan.orders)
    say("All customers have their responses. The services are still working:")
    done = _watch(stack, len(placing.placed))
    latecomer = _let_join(stack, plan, placing, began, say) if plan.latecomer else None
    say("The audit waits until nothing moves, then compares every order with its effects.")
    options = Options(ledger=stack.folder / LEDGER, strict=True)
    with progress() as tell:
        audit = run_audit(stack.addresses, options, tell=tell)
    return Shown(placing, timeline(placing.placed, done), audit, latecomer)


def _let_join(
    stack: Stack, plan: DemoPlan, placing: Placing, began: datetime, say: Tell
) -> Latecomer:
    def place_more(number: int) -> int:
        return len(_place(stack, plan, number).placed)

    latecomer = let_join(stack, len(placing.placed), began, place_more, say)
    # From now on, an audit from another terminal includes the latecomer.
    write_environment(stack.folder, stack.plan.common())
    return latecomer


def _place(stack: Stack, plan: DemoPlan, count: int) -> Placing:
    with open_client() as client, Ledger(stack.folder / LEDGER) as ledger, progress() as tell:
        return place_orders(
            OrderClient(client, stack.urls["order"], patience=PATIENCE),
            baskets(BasketTemplate(), random.Random()),
            count=count,
            rate=plan.rate,
            ledger=ledger,
            tell=lambda sent: tell(f"placing orders: {sent:,} of {count:,}"),
        )


def _watch(stack: Stack, orders: int) -> dict[str, DoneAt]:
    token = stack.addresses.operator_token
    with open_client() as client, shown(orders) as show_counts:
        services = {
            name: EvidenceClient(client, name, stack.urls[name], token) for name in CONSUMERS
        }
        return dict(
            watch(
                lambda: {name: read_done(service) for name, service in services.items()},
                orders,
                show_counts,
            )
        )
