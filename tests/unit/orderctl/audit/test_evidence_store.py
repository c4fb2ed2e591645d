"""The audit's store: each effect once, with the order it belongs to."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from orderctl.audit.evidence_store import MOST_FOUND, EvidenceStore
from orderctl.audit.facts import Answer, SeenEffect
from orderctl.audit.replays import ExpectedResend
from orderctl.audit.verdict import NAMED, HalfDone, Verdict
from tests.unit.orderctl.audit.histories import (
    an_order,
    done,
    faultless,
    judge,
    judged,
    with_effects,
)

FIRST, SECOND = ORDERS = [an_order(number) for number in (1, 2)]
HISTORY = faultless(ORDERS)
REPLAY = "0123456789ab"


@pytest.fixture
def store() -> Iterator[EvidenceStore]:
    with closing(EvidenceStore()) as made:
        made.open_entries()
        yield made


def test_an_effect_listed_twice_is_stored_once(store: EvidenceStore) -> None:
    twice = SeenEffect("event-1", listed_as="mail 7")
    store.add_effects("email", [twice, twice])
    store.add_effects("sms", [twice])
    assert (store.count_effects("email"), store.count_effects("sms")) == (1, 1)


def test_only_some_of_an_orders_very_many_effects_are_compared(store: EvidenceStore) -> None:
    many = (SeenEffect("event-1", part=str(number)) for number in range(MOST_FOUND + 5))
    store.add_orders(ORDERS)
    store.add_effects("email", many)
    store.add_effects("email", [SeenEffect("event-2")])
    store.close_entries()
    found = [(order.order_id, len(effects)) for order, effects in store.orders("email")]
    assert found == [("ord-1", MOST_FOUND), ("ord-2", 1)]


def test_evidence_of_an_earlier_read_is_dropped(store: EvidenceStore) -> None:
    for order in ORDERS:
        store.open_entries()
        store.add_orders([order])
        store.add_answers([Answer(order.order_id)])
        store.add_effects("email", done("email", [order]))
        store.close_entries()
    assert [order.order_id for order, _ in store.orders("email")] == ["ord-2"]
    assert (store.count_answers(), list(store.orphans("email"))) == (1, [])


@pytest.mark.parametrize(
    ("order_id", "end"),
    [("ord-1", ""), ("ord-1", "."), ("ord-1", " and."), ("ord-1.", ""), ("ord-1_", " and.")],
)
def test_an_order_is_identified_by_its_id_in_a_text(
    store: EvidenceStore, order_id: str, end: str
) -> None:
    order = replace(FIRST, order_id=order_id)
    store.add_orders([SECOND, order])
    store.add_effects("email", [SeenEffect("nobody's", mentions=f"Your order {order_id}{end}")])
    store.close_entries()
    assert [len(effects) for _, effects in store.orders("email")] == [0, 1]


def test_a_response_listed_twice_in_the_ledger_is_one_lost_order() -> None:
    answers = (Answer("ord-9"), Answer("ord-9"), Answer("ord-1"))
    audit = judge(replace(HISTORY, answers=answers), quiet=True)
    assert audit.without_row.first == ("ord-9",)
    assert (audit.answered, audit.promised) == (3, 2)


def test_an_orphan_with_several_parts_is_listed_once() -> None:
    stranger = [SeenEffect("a stranger", part) for part in ("prod-1", "prod-2")]
    history = with_effects(HISTORY, "inventory", *HISTORY.effects["inventory"], *stranger)
    assert judged(history, "inventory").orphans.first == ("a stranger",)


def test_effects_of_a_replay_do_not_count_for_a_failed_order() -> None:
    failed = replace(SECOND, status="failed")
    [again] = done("sms", [failed])
    again = replace(again, event_id=f"{again.event_id}.replay-{REPLAY}")
    history = with_effects(faultless([FIRST]), "sms", *done("sms", [FIRST]), again)
    history = replace(history, orders=(FIRST, failed), resends={("sms", REPLAY): ExpectedResend()})
    audit = judge(history, quiet=True)
    assert audit.half_done.first == (HalfDone("ord-2", "failed", ()),)


def test_with_very_many_orders_the_first_are_listed_and_all_counted() -> None:
    many = [an_order(number) for number in range(NAMED + 5)]
    found = judged(faultless(many), "sms")
    assert found.count(Verdict.APPLIED) == NAMED + 5
    assert found.orders(Verdict.APPLIED) == tuple(order.order_id for order in many[:NAMED])
