"""Random histories: every order gets the one correct verdict."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from enum import Enum, auto

from hypothesis import given, settings
from hypothesis import strategies as st

from orderctl.audit.facts import Answer, Item, Order, SeenEffect
from orderctl.audit.verdict import Verdict
from shop.consumers import CONSUMERS
from tests.unit.orderctl.audit.histories import NOON, History, done, faultless, judge

#: No deadline, since timings vary on a busy machine.
unhurried = settings(deadline=None)


class Fate(Enum):
    DONE = auto()
    MISSING = auto()
    DEAD = auto()
    TWICE = auto()
    OTHERWISE = auto()


quantities = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 9), min_size=1)
orders = st.lists(st.tuples(quantities, st.decimals(1, 999, places=2)), max_size=6).map(
    lambda drawn: [
        Order(f"ord-{n}", f"event-{n}", f"usr-{n}", _items(pieces, price), price, NOON)
        for n, (pieces, price) in enumerate(drawn)
    ]
)


def _items(pieces: dict[str, int], price: Decimal) -> tuple[Item, ...]:
    return tuple(Item(product, quantity, price) for product, quantity in pieces.items())


@st.composite
def histories(draw: st.DrawFn) -> tuple[History, dict[tuple[str, str], Fate], int]:
    """A history, the fate of each order in each service, and the number of foreign effects."""
    placed = draw(orders)
    rng = draw(st.randoms(use_true_random=True))
    fates = {
        (service, order.order_id): draw(st.sampled_from(Fate))
        for service in CONSUMERS
        for order in placed
    }
    strangers = draw(st.integers(0, 2))
    effects = {}
    for service in CONSUMERS:
        found = [e for o in placed for e in _effects(service, o, fates[service, o.order_id])]
        found += [SeenEffect(f"stranger-{number}") for number in range(strangers)]
        rng.shuffle(found)
        effects[service] = tuple(found)
    dead = {s: _dead(s, placed, fates) for s in CONSUMERS}
    return replace(faultless(placed), effects=effects, dead_letters=dead), fates, strangers


def _effects(service: str, order: Order, fate: Fate) -> list[SeenEffect]:
    right = list(done(service, [order]))
    if fate in (Fate.MISSING, Fate.DEAD):
        return []
    if fate is Fate.OTHERWISE:
        other = replace(right[0], event_id="another", mentions=order.order_id)
        return [other, *right[1:]]
    return right * 2 if fate is Fate.TWICE else right


def _dead(service: str, placed: list[Order], fates: dict[tuple[str, str], Fate]) -> tuple[str, ...]:
    return tuple(o.event_id for o in placed if fates[service, o.order_id] is Fate.DEAD)


def _right(service: str, fate: Fate, *, quiet: bool) -> Verdict:
    if fate is Fate.MISSING:
        return Verdict.LOST if quiet else Verdict.WAITING
    if fate is Fate.TWICE:
        # The same Message-ID: a permitted repeat.
        return Verdict.APPLIED if service == "email" else Verdict.DUPLICATED
    return {
        Fate.DONE: Verdict.APPLIED,
        Fate.DEAD: Verdict.DEAD_LETTERED,
        Fate.OTHERWISE: Verdict.WRONG,
    }[fate]


@unhurried
@given(histories(), st.booleans())
def test_every_order_has_exactly_the_verdict_of_its_fate(
    history: tuple[History, dict[tuple[str, str], Fate], int], quiet: bool
) -> None:
    evidence, fates, strangers = history

    given_verdicts: dict[tuple[str, str], Verdict | None] = {}

    def notice(order_id: str, service: str, verdict: Verdict | None) -> None:
        given_verdicts[service, order_id] = verdict

    audit = judge(evidence, quiet=quiet, on_verdict=notice)

    assert given_verdicts == {
        (service, order_id): _right(service, fate, quiet=quiet)
        for (service, order_id), fate in fates.items()
    }
    assert audit.orphans == strangers * len(CONSUMERS)


@unhurried
@given(histories(), st.booleans())
def test_the_verdicts_of_a_service_add_up_to_the_accepted_orders(
    history: tuple[History, dict[tuple[str, str], Fate], int], quiet: bool
) -> None:
    audit = judge(history[0], quiet=quiet)

    for found in audit.services:
        assert sum(found.count(verdict) for verdict in Verdict) == audit.accepted


@unhurried
@given(histories())
def test_the_exit_status_is_zero_only_without_a_fault(
    history: tuple[History, dict[tuple[str, str], Fate], int],
) -> None:
    evidence, fates, strangers = history
    kinds = Counter(_right(service, fate, quiet=True) for (service, _), fate in fates.items())
    is_bad = any(kinds[v] for v in (Verdict.LOST, Verdict.DUPLICATED, Verdict.WRONG)) or strangers

    audit = judge(evidence, quiet=True)

    assert audit.exit_status(strict=False) == int(bool(is_bad))
    repeats = sum(fate is Fate.TWICE for (service, _), fate in fates.items() if service == "email")
    assert audit.repeats == repeats
    assert audit.exit_status(strict=True, crashes=repeats) == int(
        bool(is_bad or kinds[Verdict.DEAD_LETTERED])
    )


@unhurried
@given(orders, st.data())
def test_exactly_the_responses_without_a_row_are_listed(
    placed: list[Order], data: st.DataObject
) -> None:
    answered = data.draw(st.lists(st.sampled_from(placed), unique_by=id)) if placed else []
    lost = data.draw(st.lists(st.integers(100, 199), unique=True))
    answers = [Answer(order.order_id, order.event_id) for order in answered]
    answers += [Answer(f"ord-{number}") for number in lost]

    evidence = replace(faultless(placed), answers=tuple(answers))

    assert set(judge(evidence, quiet=True).without_row.first) == {
        f"ord-{number}" for number in lost
    }
