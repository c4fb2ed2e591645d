"""Synchronous orders: completed ones are a promise, the others may be half done."""

from dataclasses import replace

import pytest

from orderctl.audit.verdict import HalfDone, Verdict
from shop.consumers import CONSUMERS
from tests.unit.orderctl.audit.histories import (
    History,
    an_order,
    done,
    faultless,
    judge,
    judged,
    status,
    with_effects,
)
from tests.unit.orderctl.audit.test_report import printed, result

ACCEPTED = an_order(1)
COMPLETED = replace(an_order(2), status="completed")
FAILED = replace(an_order(3), status="failed")
PENDING = replace(an_order(4), status="pending")


def history(*with_mails: str) -> History:
    """A correct history, in which these services also applied the failed and the pending order."""
    orders = [ACCEPTED, COMPLETED, FAILED, PENDING]
    evidence = faultless([ACCEPTED, COMPLETED])
    for name in with_mails:
        evidence = with_effects(evidence, name, *done(name, orders))
    # The stock reflects the movements of these two orders as well.
    moved = orders if "inventory" in with_mails else orders[:2]
    full = faultless(moved)
    return replace(evidence, orders=tuple(orders), stock=full.stock, moved=full.moved)


def test_half_done_orders_are_listed_with_their_effects() -> None:
    audit = judge(history("email", "inventory"), quiet=True)

    assert (audit.accepted, audit.completed) == (1, 1)
    assert audit.half_done.first == (
        HalfDone("ord-3", "failed", ("email", "inventory")),
        HalfDone("ord-4", "pending", ("email", "inventory")),
    )
    assert [s.orders(Verdict.APPLIED) for s in audit.services] == [("ord-1", "ord-2")] * 4
    assert status(audit) == (0, 0)


@pytest.mark.parametrize("service", CONSUMERS)
def test_a_completed_order_must_be_applied_by_every_service(service: str) -> None:
    evidence = with_effects(history(), service, *done(service, [ACCEPTED]))

    assert judged(evidence, service).orders(Verdict.LOST) == ("ord-2",)
    assert status(judge(evidence, quiet=True)) == (1, 1)


@pytest.mark.parametrize("service", ["sms", "inventory", "analytics"])
def test_a_repeated_effect_of_a_failed_order_is_duplicated(service: str) -> None:
    evidence = history(service)
    evidence = with_effects(evidence, service, *evidence.effects[service], *done(service, [FAILED]))

    assert judged(evidence, service).orders(Verdict.DUPLICATED) == ("ord-3",)
    assert judge(evidence, quiet=True).is_bad


def test_a_wrong_effect_of_a_failed_order_is_wrong() -> None:
    evidence = history("analytics")
    wrong = [replace(fact, content=("ord-3", "1")) for fact in done("analytics", [FAILED])]
    right = done("analytics", [ACCEPTED, COMPLETED])

    found = judged(with_effects(evidence, "analytics", *right, *wrong), "analytics")

    assert found.orders(Verdict.WRONG) == ("ord-3",)


def test_the_report_lists_half_done_orders_apart_from_promises() -> None:
    text = " ".join(printed(result(history("email"))).split())

    assert "half done: ord-3 (failed, applied by email), ord-4 (pending, applied by email)" in text
    assert "exactly once for each of 1 accepted order and 1 completed order." in text


def test_without_a_promise_there_is_nothing_to_compare() -> None:
    evidence = replace(faultless([]), orders=(FAILED,))

    assert "half done: ord-3 (failed, applied by no service)" in printed(result(evidence))
    assert "nothing to compare" in printed(result(evidence))
