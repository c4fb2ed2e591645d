"""What the audit makes of replays: sent again on purpose, and placed before somebody joined."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orderctl.audit import Options, Result
from orderctl.audit_evidence import Effect, Evidence, Order
from orderctl.audit_judge import judge
from orderctl.audit_quiet import Quiet, Snapshot
from orderctl.audit_report import document, sentence
from orderctl.audit_verdict import ServiceAudit, Verdict
from tests.unit.audit_histories import an_order, done, faultless, judged, status, with_effects

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FIRST, SECOND, THIRD = ORDERS = [
    replace(an_order(number), placed_at=NOON + timedelta(minutes=number)) for number in (1, 2, 3)
]
HISTORY = faultless(ORDERS)
REPLAY = "0123456789ab"


def again(order: Order, replay: str = REPLAY, mentions: str = "") -> Effect:
    return Effect(f"{order.event_id}.replay-{replay}", mentions=mentions or order.order_id)


@pytest.mark.parametrize("service", ["email", "sms"])
def test_what_a_replay_sent_again_is_listed_and_is_no_fault(service: str) -> None:
    resent = (again(FIRST), again(FIRST, "a" * 12), again(SECOND))
    evidence = with_effects(HISTORY, service, *done(service, ORDERS), *resent)
    found = judged(evidence, service)
    assert len(found.orders(Verdict.APPLIED)) == 3
    assert found.resent_on_purpose == tuple(effect.event_id for effect in resent)
    assert (found.orphans, found.resent) == ((), ())
    assert status(judge(evidence, quiet=True)) == (0, 0)


def test_what_was_never_sent_is_not_excused_by_a_resend() -> None:
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS[1:]), again(FIRST))
    assert judged(evidence, "sms").orders(Verdict.LOST) == (FIRST.order_id,)


def test_the_same_replay_sends_nothing_twice() -> None:
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS), again(FIRST), again(FIRST))
    assert judged(evidence, "sms").orders(Verdict.DUPLICATED) == (FIRST.order_id,)


def test_a_mail_that_a_replay_had_to_hand_over_twice_is_the_same_mail() -> None:
    evidence = with_effects(HISTORY, "email", *done("email", ORDERS), again(FIRST), again(FIRST))
    found = judged(evidence, "email")
    assert found.resent == found.resent_on_purpose == (again(FIRST).event_id,)
    assert status(judge(evidence, quiet=True)) == (0, 0)


@pytest.mark.parametrize(
    "id", ["nobody.replay-0123456789ab", "event-1.replay-", "event-1.replay-0123456789abc"]
)
def test_an_id_that_only_looks_like_it_is_without_an_order(id: str) -> None:
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS), Effect(id))
    assert judged(evidence, "sms").orphans == (id,)


def latecomer(joined: datetime | None, *effects: Effect) -> Evidence:
    evidence = with_effects(HISTORY, "shipping", *effects)
    return replace(evidence, joined={"shipping": joined})


def shipping(evidence: Evidence, *, quiet: bool = True) -> ServiceAudit:
    [found] = [s for s in judge(evidence, quiet=quiet).services if s.service == "shipping"]
    return found


def shipment(order: Order) -> Effect:
    return Effect(order.event_id, says=(order.order_id, sum(order.quantities.values())))


def test_of_orders_from_before_it_joined_nobody_promised_a_shipment() -> None:
    evidence = latecomer(SECOND.placed_at, shipment(SECOND), shipment(THIRD))
    found = shipping(evidence)
    assert found.orders(Verdict.EARLIER) == (FIRST.order_id,)
    assert found.orders(Verdict.APPLIED) == (SECOND.order_id, THIRD.order_id)
    assert status(judge(evidence, quiet=True)) == (0, 0)


def test_an_order_from_after_it_joined_is_lost_without_a_shipment() -> None:
    evidence = latecomer(SECOND.placed_at, shipment(THIRD))
    assert shipping(evidence).orders(Verdict.LOST) == (SECOND.order_id,)
    assert status(judge(evidence, quiet=True)) == (1, 1)


def test_what_it_did_for_an_earlier_order_is_judged_as_any_other() -> None:
    wrong = Effect(FIRST.event_id, says=(FIRST.order_id, 99))
    evidence = latecomer(NOON + timedelta(days=1), wrong, shipment(SECOND), shipment(SECOND))
    found = shipping(evidence)
    assert found.orders(Verdict.WRONG) == (FIRST.order_id,)
    assert found.orders(Verdict.DUPLICATED) == (SECOND.order_id,)
    assert found.orders(Verdict.EARLIER) == (THIRD.order_id,)


def test_before_it_has_joined_every_order_is_earlier() -> None:
    assert len(shipping(latecomer(None)).orders(Verdict.EARLIER)) == 3


def test_without_the_time_of_an_order_there_is_no_excuse() -> None:
    undated = faultless([an_order(1)])
    evidence = replace(with_effects(undated, "shipping"), joined={"shipping": NOON})
    assert shipping(evidence).orders(Verdict.LOST) == ("ord-1",)


def test_the_report_says_how_many_and_names_them() -> None:
    still = Snapshot(outbox=0, depths={}, unsettled={})
    evidence = latecomer(SECOND.placed_at, shipment(SECOND), shipment(THIRD))
    audit = judge(evidence, quiet=True)
    result = Result(audit, Quiet(True, 0.0, (), still), Options())
    assert sentence(result) == (
        "Every service did its part exactly once for each of 3 accepted orders, but for 1 that "
        "was placed before a service joined."
    )
    assert document(result)["services"]["shipping"]["earlier"] == (FIRST.order_id,)
