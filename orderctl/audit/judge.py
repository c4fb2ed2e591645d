"""Judges the evidence: one verdict for each order and service.

Every accepted or completed order gets exactly one verdict per service, so that the counts add up.
A half-done order gets one only for a faulty effect.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from orderctl.audit.evidence import Evidence
from orderctl.audit.evidence_store import FoundEffect
from orderctl.audit.expected_effects import expected_effects
from orderctl.audit.facts import ACCEPTED, COMPLETED, Order, SeenEffect, Stock
from orderctl.audit.verdict import NAMED, Audit, Balance, HalfDone, ServiceAudit, Some, Verdict
from orderctl.progress import Tell, silent

#: Called with each order id, service and verdict; None for a correct effect of a half-done order.
OnVerdict = Callable[[str, str, Verdict | None], None]
#: The one service that may repeat an effect: after a crash between sending an email and recording
#: that, it sends the email again. The Message-ID lets mail programs show it once.
REPEATING = "email"
#: Progress is shown once per so many orders.
TELL_EVERY = 1_000

FAULTS = (Verdict.DUPLICATED, Verdict.WRONG)


def ignore(_order_id: str, _service: str, _verdict: Verdict | None) -> None:
    """For callers that need only the counts."""


def judge(
    evidence: Evidence, *, quiet: bool, on_verdict: OnVerdict = ignore, tell: Tell = silent
) -> Audit:
    """Compare orders with effects. A missing effect is lost if `quiet`, otherwise waiting."""
    store = evidence.store
    services = []
    for name in evidence.services:
        verdicts = _verdicts(name, evidence, quiet=quiet, on_verdict=on_verdict, tell=tell)
        services.append(_judge_service(name, evidence, verdicts))
    return Audit(
        quiet=quiet,
        accepted=store.count_orders(ACCEPTED),
        completed=store.count_orders(COMPLETED),
        half_done=Some.of(_half_done(evidence)),
        answered=store.count_answers() if evidence.has_ledger else None,
        promised=store.count_promised(),
        without_row=Some.of(a.order_id for a, status in store.answers() if status is None),
        other_status=Some.of(
            a.order_id for a, status in store.answers() if status and not a.fits(status)
        ),
        services=tuple(services),
        wrong_balances=_wrong_balances(evidence.stock, evidence.moved),
    )


def _half_done(evidence: Evidence) -> Iterator[HalfDone]:
    for order_id, status, done in evidence.store.half_done():
        yield HalfDone(order_id, status, tuple(s for s in evidence.services if s in done))


def _judge_service(
    service: str, evidence: Evidence, verdicts: Iterable[tuple[Order, Verdict | None]]
) -> ServiceAudit:
    store, dead = evidence.store, evidence.dead_letters.get(service, ())
    counts: Counter[Verdict] = Counter()
    named: defaultdict[Verdict, list[str]] = defaultdict(list)
    missing: set[str] = set()
    for order, verdict in verdicts:
        if verdict is Verdict.DEAD_LETTERED:
            missing.add(order.event_id)
        if verdict and counts[verdict] < NAMED:
            named[verdict].append(order.order_id)
        if verdict:
            counts[verdict] += 1
    return ServiceAudit(
        service,
        {verdict: Some(count, tuple(named[verdict])) for verdict, count in counts.items()},
        orphans=Some.of(store.orphans(service)),
        resent=Some.of(store.repeated(service) if service == REPEATING else ()),
        repeats=store.count_repeats(service) if service == REPEATING else 0,
        other_dead_letters=Some.of(handle for handle in dead if handle not in missing),
        resent_on_purpose=Some.of(store.on_purpose(service)),
    )


def _verdicts(
    service: str, evidence: Evidence, *, quiet: bool, on_verdict: OnVerdict, tell: Tell
) -> Iterator[tuple[Order, Verdict | None]]:
    dead = frozenset(evidence.dead_letters.get(service, ()))
    for number, (order, found) in enumerate(evidence.store.orders(service)):
        if number % TELL_EVERY == 0:
            tell(f"comparing {service}: {number:,}")
        if order.is_half_done:
            verdict = _of_half_done(service, order, found)
        else:
            verdict = _verdict(service, order, found, quiet=quiet) or _of_missing(
                is_dead=order.event_id in dead,
                is_earlier=_is_earlier(service, order, evidence),
                quiet=quiet,
            )
        if verdict or found:
            on_verdict(order.order_id, service, verdict)
        yield order, verdict


def _of_half_done(service: str, order: Order, found: Sequence[FoundEffect]) -> Verdict | None:
    """An effect of a half-done order is a fault unless it is correct and single."""
    verdict = _verdict(service, order, found, quiet=True)
    return verdict if verdict in FAULTS else None


def _verdict(
    service: str, order: Order, found: Sequence[FoundEffect], *, quiet: bool
) -> Verdict | None:
    """The verdict on the effects; None if there are none."""
    expected = expected_effects(service, order)
    done = _counted(service, [each for each in found if not each.on_purpose])
    again = _counted(service, [each for each in found if each.on_purpose])
    if not done and not again:
        return None
    if any(times > 1 for times in [*_by_part(done).values(), *_by_event(again).values()]):
        return Verdict.DUPLICATED
    if any(_of(order, effect) not in expected for effect in again):
        return Verdict.WRONG
    if done == expected:
        return Verdict.APPLIED
    if not done:
        return None
    return Verdict.WAITING if not quiet and done <= expected else Verdict.WRONG


def _of_missing(*, is_dead: bool, is_earlier: bool, quiet: bool) -> Verdict:
    if is_dead:
        return Verdict.DEAD_LETTERED
    if is_earlier:
        return Verdict.EARLIER
    return Verdict.LOST if quiet else Verdict.WAITING


def _counted(service: str, found: Iterable[FoundEffect]) -> Counter[SeenEffect]:
    """Count effects; equal emails count as one, since repeats are reported separately."""
    counted: Counter[SeenEffect] = Counter()
    for each in found:
        effect = SeenEffect(each.event_id, each.part, each.content)
        counted[effect] += 1 if service == REPEATING else each.times
    return counted


def _by_part(effects: Counter[SeenEffect]) -> Counter[str]:
    parts: Counter[str] = Counter()
    for effect, times in effects.items():
        parts[effect.part] += times
    return parts


def _by_event(effects: Counter[SeenEffect]) -> Counter[str]:
    events: Counter[str] = Counter()
    for effect, times in effects.items():
        events[effect.event_id] += times
    return events


def _of(order: Order, effect: SeenEffect) -> SeenEffect:
    """The effect with the order's event id instead of a replay's."""
    return replace(effect, event_id=order.event_id)


def _is_earlier(service: str, order: Order, evidence: Evidence) -> bool:
    """Whether the order was placed before this latecomer joined."""
    if service not in evidence.joined:
        return False
    joined = evidence.joined[service]
    return joined is None or order.placed_at < joined


def _wrong_balances(
    stock: Mapping[str, Stock] | None, moved: Mapping[str, int]
) -> tuple[Balance, ...] | None:
    if stock is None:
        return None
    balances = (
        Balance(product, stock.get(product), moved.get(product, 0))
        for product in sorted(stock.keys() | moved.keys())
    )
    return tuple(balance for balance in balances if not _adds_up(balance))


def _adds_up(balance: Balance) -> bool:
    if balance.stock is None:
        # A product without stock can only be backordered.
        return balance.moved == 0
    left = balance.stock.initial - balance.moved
    return left == balance.stock.on_hand and left >= 0
