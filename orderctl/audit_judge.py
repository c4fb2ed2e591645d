"""Judges: pure functions from evidence to what became of every order, service by service.

Every accepted order, and every completed one, gets exactly one verdict for each service, so that
the counts add up. One that is half done gets one only where what was done is a fault.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from orderctl.audit_evidence import (
    ACCEPTED,
    COMPLETED,
    Answer,
    Effect,
    Evidence,
    Order,
    Stock,
    expected_effects,
)
from orderctl.audit_verdict import Audit, Balance, HalfDone, ServiceAudit, Verdict
from shared.events import RESENT

#: What a replay adds to the id of an event that it sends again.
REPLAYED = re.compile(re.escape(RESENT) + r"[0-9a-f]{12}\Z")


def judge(evidence: Evidence, *, quiet: bool) -> Audit:
    """Compare. Only after a quiet time is what is missing lost; before, it may be on its way."""
    return Audit(
        quiet=quiet,
        accepted=sum(order.status == ACCEPTED for order in evidence.orders),
        completed=sum(order.status == COMPLETED for order in evidence.orders),
        half_done=_half_done(evidence),
        answered=None if evidence.answers is None else len(evidence.answers),
        without_row=_without_row(evidence.answers or (), evidence.orders),
        services=tuple(
            _judge_service(service, evidence, quiet=quiet) for service in evidence.effects
        ),
        wrong_balances=_wrong_balances(evidence.stock, evidence.moved),
    )


def _without_row(answers: Iterable[Answer], orders: Iterable[Order]) -> tuple[str, ...]:
    rows = {order.order_id: order.event_id for order in orders}
    return tuple(
        dict.fromkeys(
            answer.order_id
            for answer in answers
            if answer.order_id not in rows or answer.event_id not in ("", rows[answer.order_id])
        )
    )


def _half_done(evidence: Evidence) -> tuple[HalfDone, ...]:
    effects = {
        name: {effect.event_id for effect in done} for name, done in evidence.effects.items()
    }
    return tuple(
        HalfDone(
            order.order_id,
            order.status,
            tuple(name for name, ids in effects.items() if order.event_id in ids),
        )
        for order in evidence.orders
        if order.is_half_done
    )


def _judge_service(service: str, evidence: Evidence, *, quiet: bool) -> ServiceAudit:
    effects, resent = _without_repeats(service, evidence.effects[service])
    effects, on_purpose = _without_replayed(effects, evidence.orders)
    by_order, orphans = _attributed(effects, evidence.orders)
    dead = evidence.dead_letters.get(service, ())
    buried = frozenset(dead)
    verdicts = {
        order.order_id: _verdict(
            expected_effects(service, order),
            by_order[order.order_id],
            is_dead=order.event_id in buried,
            is_earlier=_is_earlier(service, order, evidence),
            quiet=quiet,
        )
        for order in evidence.orders
        if not order.is_half_done
    } | _faults_of_half_done(service, by_order, evidence.orders)
    missing = {
        order.event_id
        for order in evidence.orders
        if verdicts.get(order.order_id) is Verdict.DEAD_LETTERED
    }
    others = tuple(handle for handle in dead if handle not in missing)
    return ServiceAudit(service, verdicts, orphans, resent, others, on_purpose)


def _faults_of_half_done(
    service: str, by_order: Mapping[str, Sequence[Effect]], orders: Iterable[Order]
) -> dict[str, Verdict]:
    """Whatever was done for such an order was done once and right, or it is a fault."""
    half_done = [order for order in orders if order.is_half_done and order.order_id in by_order]
    verdicts = {
        order.order_id: _verdict(
            expected_effects(service, order),
            by_order[order.order_id],
            is_dead=False,
            is_earlier=False,
            quiet=True,
        )
        for order in half_done
    }
    faults = (Verdict.DUPLICATED, Verdict.WRONG)
    return {id: verdict for id, verdict in verdicts.items() if verdict in faults}


def _is_earlier(service: str, order: Order, evidence: Evidence) -> bool:
    """Placed before this service joined."""
    if service not in evidence.joined:
        return False
    joined = evidence.joined[service]
    return joined is None or (order.placed_at is not None and order.placed_at < joined)


def _without_replayed(
    effects: Sequence[Effect], orders: Iterable[Order]
) -> tuple[Sequence[Effect], tuple[str, ...]]:
    """Set apart what replays sent again on purpose: once each, under an id of theirs.

    A second one under the same id is no longer on purpose, and one of an unknown event neither.
    """
    known = {order.event_id for order in orders}
    kept: list[Effect] = []
    on_purpose: dict[str, None] = {}
    for effect in effects:
        base = REPLAYED.sub("", effect.event_id)
        if base == effect.event_id or base not in known or effect.event_id in on_purpose:
            kept.append(effect)
        else:
            on_purpose[effect.event_id] = None
    return kept, tuple(on_purpose)


def _without_repeats(
    service: str, effects: Sequence[Effect]
) -> tuple[Sequence[Effect], tuple[str, ...]]:
    """Set apart the mails that went again with the same Message-ID.

    Between handing a mail over and recording that, a crash has to send it again, and the
    Message-ID lets the reader's mail program show it once. Nothing else has this excuse.
    """
    if service != "email":
        return effects, ()
    counts = Counter((effect, effect.mentions) for effect in effects)
    once = [effect for effect, _ in counts]
    return once, tuple(effect.event_id for (effect, _), times in counts.items() if times > 1)


def _attributed(
    effects: Iterable[Effect], orders: Iterable[Order]
) -> tuple[Mapping[str, list[Effect]], tuple[str, ...]]:
    """Effects by order id, and the ids of those that belong to no order."""
    by_event = {order.event_id: order.order_id for order in orders}
    known = set(by_event.values())
    by_order: defaultdict[str, list[Effect]] = defaultdict(list)
    orphans: dict[str, None] = {}
    for effect in effects:
        order_id = by_event.get(effect.event_id) or _mentioned(effect, known)
        if order_id:
            by_order[order_id].append(effect)
        else:
            orphans[effect.event_id] = None
    return by_order, tuple(orphans)


def _mentioned(effect: Effect, known: set[str]) -> str | None:
    words = re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*", effect.mentions)
    # A full stop may be the id's last character or the end of a sentence.
    candidates = (id for word in words for id in (word, word.rstrip("._-")))
    return next((id for id in candidates if id in known), None)


def _verdict(
    expected: Counter[Effect],
    found: Sequence[Effect],
    *,
    is_dead: bool,
    is_earlier: bool,
    quiet: bool,
) -> Verdict:
    if Counter(found) == expected:
        return Verdict.APPLIED
    if not found and is_dead:
        return Verdict.DEAD_LETTERED
    if not found and is_earlier:
        return Verdict.EARLIER
    if not found:
        return Verdict.LOST if quiet else Verdict.WAITING
    if max(Counter(effect.part for effect in found).values()) > 1:
        return Verdict.DUPLICATED
    is_partly_read = not quiet and Counter(found) <= expected
    return Verdict.WAITING if is_partly_read else Verdict.WRONG


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
        # A product that nobody stocks can only be backordered.
        return balance.moved == 0
    left = balance.stock.initial - balance.moved
    return left == balance.stock.on_hand and left >= 0
