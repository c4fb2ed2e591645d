"""Planted faults: each gets its verdict, with the affected orders."""

from dataclasses import replace
from decimal import Decimal

import pytest

from orderctl.audit.facts import Answer, Order, SeenEffect, Stock, content_of
from orderctl.audit.verdict import Balance, Verdict
from shop.consumers import CONSUMERS
from tests.unit.orderctl.audit.histories import (
    INITIAL,
    an_order,
    done,
    faultless,
    judge,
    judged,
    status,
    with_effects,
)

FIRST, SECOND, THIRD = ORDERS = [an_order(number) for number in (1, 2, 3)]
HISTORY = faultless(ORDERS)


def test_a_history_without_a_fault_is_applied_everywhere() -> None:
    audit = judge(HISTORY, quiet=True)

    assert [s.orders(Verdict.APPLIED) for s in audit.services] == [("ord-1", "ord-2", "ord-3")] * 4
    assert status(audit) == (0, 0)


def test_no_order_at_all_is_no_fault() -> None:
    assert status(judge(faultless([]), quiet=True)) == (0, 0)


@pytest.mark.parametrize("service", CONSUMERS)
def test_an_effect_missing_after_a_quiet_time_is_lost(service: str) -> None:
    evidence = with_effects(HISTORY, service, *done(service, [FIRST, THIRD]))

    assert judged(evidence, service).orders(Verdict.LOST) == ("ord-2",)
    assert status(judge(evidence, quiet=True)) == (1, 1)


@pytest.mark.parametrize("service", CONSUMERS)
def test_an_effect_missing_while_work_is_in_progress_is_waiting(service: str) -> None:
    evidence = with_effects(HISTORY, service, *done(service, [FIRST, THIRD]))

    assert judged(evidence, service, quiet=False).orders(Verdict.WAITING) == ("ord-2",)
    assert status(judge(evidence, quiet=False)) == (0, 1)


@pytest.mark.parametrize("service", CONSUMERS)
def test_a_missing_effect_with_a_dead_letter_is_dead_lettered(
    service: str,
) -> None:
    evidence = with_effects(HISTORY, service, *done(service, [FIRST, THIRD]))
    evidence = replace(evidence, dead_letters={service: ("event-2", "sha256-of-something-odd")})

    found = judged(evidence, service)

    assert found.orders(Verdict.DEAD_LETTERED) == ("ord-2",)
    assert found.other_dead_letters.first == ("sha256-of-something-odd",)
    assert status(judge(evidence, quiet=True)) == (0, 1)


def test_a_dead_letter_does_not_count_if_the_effect_happened() -> None:
    found = judged(replace(HISTORY, dead_letters={"email": ("event-2",)}), "email")

    assert found.orders(Verdict.APPLIED) == ("ord-1", "ord-2", "ord-3")
    assert found.other_dead_letters.first == ("event-2",)


@pytest.mark.parametrize("service", ["sms", "inventory", "analytics"])
@pytest.mark.parametrize("quiet", [True, False])
def test_an_effect_that_happened_twice_is_duplicated(service: str, *, quiet: bool) -> None:
    twice = (*HISTORY.effects[service], *done(service, [SECOND]))
    evidence = with_effects(HISTORY, service, *twice)

    assert judged(evidence, service, quiet=quiet).orders(Verdict.DUPLICATED) == ("ord-2",)
    assert judge(evidence, quiet=quiet).is_bad


def test_a_mail_repeated_with_its_message_id_is_counted_separately() -> None:
    evidence = with_effects(HISTORY, "email", *HISTORY.effects["email"], *done("email", [SECOND]))

    found = judged(evidence, "email")

    assert found.orders(Verdict.APPLIED) == ("ord-1", "ord-2", "ord-3")
    assert found.resent.first == (("event-2", 2),)
    assert status(judge(evidence, quiet=True)) == (0, 1)
    assert status(judge(evidence, quiet=True), crashes=1) == (0, 0)


def test_a_second_mail_with_another_message_id_is_a_duplicate() -> None:
    second = SeenEffect("somebody-elses-id", mentions="Your order ord-2.")
    evidence = with_effects(HISTORY, "email", *HISTORY.effects["email"], second)

    assert judged(evidence, "email").orders(Verdict.DUPLICATED) == ("ord-2",)


def test_an_only_mail_with_another_message_id_is_wrong() -> None:
    other = SeenEffect("somebody-elses-id", mentions="Your order ord-2")
    evidence = with_effects(HISTORY, "email", *done("email", [FIRST, THIRD]), other)

    assert judged(evidence, "email").orders(Verdict.WRONG) == ("ord-2",)


def test_a_mail_belongs_to_its_events_order_not_the_one_it_mentions() -> None:
    second = replace(done("email", [SECOND])[0], mentions="Your order ord-3.")
    evidence = with_effects(HISTORY, "email", *done("email", [FIRST, THIRD]), second)

    assert judged(evidence, "email").orders(Verdict.APPLIED) == ("ord-1", "ord-2", "ord-3")


@pytest.mark.parametrize("service", CONSUMERS)
def test_an_effect_without_an_order_is_an_orphan(service: str) -> None:
    stranger = an_order(99)
    evidence = with_effects(HISTORY, service, *HISTORY.effects[service], *done(service, [stranger]))

    assert judged(evidence, service).orphans.first == ("event-99",)
    assert status(judge(evidence, quiet=True)) == (1, 1)


def test_a_fact_with_another_total_is_wrong() -> None:
    facts = list(HISTORY.effects["analytics"])
    facts[1] = replace(facts[1], content=("ord-2", "99.99", *facts[1].content[2:]))
    evidence = with_effects(HISTORY, "analytics", *facts)

    assert judged(evidence, "analytics").orders(Verdict.WRONG) == ("ord-2",)


def test_trailing_zeros_do_not_change_a_total() -> None:
    assert (
        content_of("ord-1", Decimal("50.00"))
        == content_of("ord-1", Decimal("50.0"))
        == content_of("ord-1", 50)
    )


def effect_with(service: str, order: Order, *, instead: tuple[int, str]) -> SeenEffect:
    """The effect of an order with one of its facts replaced."""
    [effect] = done(service, [order])
    place, fact = instead
    facts = [fact if number == place else each for number, each in enumerate(effect.content)]
    return replace(effect, content=tuple(facts))


@pytest.mark.parametrize(
    ("service", "place", "fact"),
    [
        ("email", 0, "somebody@example.com"),
        ("email", 1, "usr-1@example.com"),
        ("email", 1, "usr-2@example.com, usr-1@example.com"),
        ("email", 2, "Your order ord-1"),
        ("email", 3, "Thank you for your order ord-2: Total: EUR 0.01"),
        ("sms", 0, "usr-1"),
        ("sms", 1, "Your order ord-1 for €29.97 is confirmed."),
        ("sms", 1, "Your order ord-2 for €29.98 is confirmed."),
        ("analytics", 2, "1"),
        ("analytics", 3, "prod-3"),
        ("analytics", 4, "1"),
        ("analytics", 5, "19.97"),
    ],
)
def test_any_effect_that_differs_from_its_order_is_wrong(
    service: str, place: int, fact: str
) -> None:
    wrong = effect_with(service, SECOND, instead=(place, fact))
    evidence = with_effects(HISTORY, service, *done(service, [FIRST, THIRD]), wrong)

    assert judged(evidence, service).orders(Verdict.WRONG) == ("ord-2",)
    assert status(judge(evidence, quiet=True)) == (1, 1)


def test_a_fact_with_one_item_too_many_is_wrong() -> None:
    [right] = done("analytics", [SECOND])
    more = replace(right, content=(*right.content, "prod-3", "1", "0"))
    evidence = with_effects(HISTORY, "analytics", *done("analytics", [FIRST, THIRD]), more)

    assert judged(evidence, "analytics").orders(Verdict.WRONG) == ("ord-2",)


def test_different_mails_with_one_message_id_are_not_a_repeat() -> None:
    other = effect_with("email", SECOND, instead=(1, "usr-1@example.com"))
    evidence = with_effects(HISTORY, "email", *HISTORY.effects["email"], other)

    assert judged(evidence, "email").orders(Verdict.DUPLICATED) == ("ord-2",)


def test_every_copy_of_a_mail_counts_and_each_crash_excuses_one() -> None:
    evidence = with_effects(HISTORY, "email", *(done("email", ORDERS) * 50))

    audit = judge(evidence, quiet=True)

    assert audit.repeats == 3 * 49
    assert judged(evidence, "email").resent.first == tuple((f"event-{n}", 50) for n in (1, 2, 3))
    assert status(audit, crashes=3 * 49 - 1) == (0, 1)
    assert status(audit, crashes=3 * 49) == (0, 0)


@pytest.mark.parametrize(
    ("responded", "is_one"), [(202, "failed"), (202, "completed"), (201, "accepted")]
)
def test_an_order_with_another_status_than_its_response_breaks_the_promise(
    responded: int, is_one: str
) -> None:
    orders = (replace(FIRST, status=is_one), SECOND)
    history = replace(
        faultless(orders), answers=(Answer("ord-1", status=responded), Answer("ord-2"))
    )

    audit = judge(history, quiet=True)

    assert audit.other_status.first == ("ord-1",)
    assert audit.without_row.first == ()
    assert status(audit) == (1, 1)


@pytest.mark.parametrize("is_one", ["pending", "failed"])
def test_an_old_ledger_without_a_status_still_promises_an_order(is_one: str) -> None:
    orders = (replace(FIRST, status=is_one),)
    history = replace(faultless(orders), answers=(Answer("ord-1"),))

    assert judge(history, quiet=True).other_status.first == ("ord-1",)


@pytest.mark.parametrize(
    "movement",
    [
        SeenEffect("event-2", "prod-1", content_of("ord-2", 3, 3)),
        SeenEffect("event-2", "prod-1", content_of("ord-2", 2, 1)),
        SeenEffect("event-2", "prod-3", content_of("ord-2", 2, 2)),
        SeenEffect("event-2", "prod-1", content_of("ord-1", 2, 2)),
    ],
    ids=["another quantity", "pieces that are nowhere", "another product", "another order"],
)
def test_a_movement_that_differs_from_its_order_is_wrong(movement: SeenEffect) -> None:
    right = SeenEffect("event-2", "prod-2", content_of("ord-2", 1, 1))
    others = done("inventory", [FIRST, THIRD])
    evidence = with_effects(HISTORY, "inventory", *others, right, movement)

    assert judged(evidence, "inventory").orders(Verdict.WRONG) == ("ord-2",)


def test_an_order_moved_in_part_is_wrong_after_a_quiet_time() -> None:
    part = SeenEffect("event-2", "prod-2", content_of("ord-2", 1, 1))
    evidence = with_effects(HISTORY, "inventory", *done("inventory", [FIRST, THIRD]), part)

    assert judged(evidence, "inventory").orders(Verdict.WRONG) == ("ord-2",)
    assert judged(evidence, "inventory", quiet=False).orders(Verdict.WAITING) == ("ord-2",)


def test_a_response_without_a_row_is_a_lost_order() -> None:
    answers = (Answer("ord-1", "event-1"), Answer("ord-2"), Answer("ord-7"))

    audit = judge(replace(HISTORY, answers=answers), quiet=True)

    assert (audit.answered, audit.without_row.first) == (3, ("ord-7",))
    assert status(audit) == (1, 1)


def test_a_response_whose_row_has_another_event_is_a_lost_order() -> None:
    audit = judge(replace(HISTORY, answers=(Answer("ord-1", "event-9"),)), quiet=True)

    assert audit.without_row.first == ("ord-1",)


@pytest.mark.parametrize("on_hand", [INITIAL - 7, INITIAL - 5, -1])
def test_a_product_with_a_wrong_balance_is_reported(on_hand: int) -> None:
    stock = Stock(INITIAL, on_hand)
    audit = judge(replace(HISTORY, stock={**(HISTORY.stock or {}), "prod-1": stock}), quiet=True)

    assert audit.wrong_balances == (Balance("prod-1", stock, moved=6),)
    assert status(audit) == (1, 1)


def test_negative_stock_is_wrong_even_with_a_right_balance() -> None:
    evidence = replace(HISTORY, stock={"prod-1": Stock(2, -1)}, moved={"prod-1": 3})

    assert judge(evidence, quiet=True).wrong_balances


def test_a_product_not_in_stock_cannot_have_moved() -> None:
    evidence = replace(HISTORY, moved={**HISTORY.moved, "prod-x": 0, "prod-y": 1})

    assert judge(evidence, quiet=True).wrong_balances == (Balance("prod-y", None, moved=1),)


def test_balances_that_could_not_be_compared_prevent_a_verdict() -> None:
    assert status(judge(replace(HISTORY, stock=None), quiet=True)) == (0, 1)


def test_everything_applied_without_a_quiet_time_is_not_yet_proof() -> None:
    # A duplicate may still be in flight.
    assert status(judge(HISTORY, quiet=False)) == (0, 1)
