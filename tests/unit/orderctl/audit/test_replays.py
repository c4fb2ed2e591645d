"""Replays in the audit: intended repeats, and orders placed before a latecomer joined."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from msgspec import structs

from orderctl.audit.audit import Options, Result
from orderctl.audit.facts import Order, SeenEffect, content_of
from orderctl.audit.quiet import BacklogSnapshot, Quiet
from orderctl.audit.replays import CLOCKS_DIFFER, ExpectedResend, to_resend
from orderctl.audit.report import document
from orderctl.audit.sentence import sentence
from orderctl.audit.verdict import ServiceAudit, Verdict
from shared.replay.shapes import Replay
from shared.shifted_times import LATEST
from tests.replays import a_replay
from tests.unit.orderctl.audit.histories import (
    NOON,
    History,
    an_order,
    done,
    faultless,
    judge,
    judged,
    status,
    with_effects,
)

FIRST, SECOND, THIRD = ORDERS = [
    replace(an_order(number), placed_at=NOON + timedelta(minutes=number)) for number in (1, 2, 3)
]
ELEVEN = NOON - timedelta(hours=1)
REPLAY, ANOTHER = "0123456789ab", "a" * 12
HISTORY = replace(
    faultless(ORDERS),
    resends={
        (service, replay): ExpectedResend()
        for service in ("email", "sms")
        for replay in (REPLAY, ANOTHER)
    },
)


def again(service: str, order: Order, replay: str = REPLAY) -> SeenEffect:
    [effect] = done(service, [order])
    return replace(effect, event_id=f"{order.event_id}.replay-{replay}")


@pytest.mark.parametrize("service", ["email", "sms"])
def test_repeats_by_a_replay_are_listed_and_are_not_faults(service: str) -> None:
    resent = (again(service, FIRST), again(service, FIRST, ANOTHER), again(service, SECOND))
    evidence = with_effects(HISTORY, service, *done(service, ORDERS), *resent)
    found = judged(evidence, service)
    assert len(found.orders(Verdict.APPLIED)) == 3
    assert set(found.resent_on_purpose.first) == {effect.event_id for effect in resent}
    assert (found.orphans.count, found.resent.count) == (0, 0)
    assert status(judge(evidence, quiet=True)) == (0, 0)


def test_a_resend_does_not_excuse_a_missing_effect() -> None:
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS[1:]), again("sms", FIRST))
    assert judged(evidence, "sms").orders(Verdict.LOST) == (FIRST.order_id,)


def test_a_second_effect_of_the_same_replay_is_a_duplicate() -> None:
    twice = (again("sms", FIRST), again("sms", FIRST))
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS), *twice)
    assert judged(evidence, "sms").orders(Verdict.DUPLICATED) == (FIRST.order_id,)


def test_a_mail_repeated_within_a_replay_is_the_same_mail() -> None:
    twice = (again("email", FIRST), again("email", FIRST))
    evidence = with_effects(HISTORY, "email", *done("email", ORDERS), *twice)
    found = judged(evidence, "email")
    assert found.resent.first == ((again("email", FIRST).event_id, 2),)
    assert found.resent_on_purpose.first == (again("email", FIRST).event_id,)
    assert status(judge(evidence, quiet=True), crashes=1) == (0, 0)


@pytest.mark.parametrize("service", ["email", "sms"])
def test_an_effect_of_an_unknown_replay_is_a_duplicate(
    service: str,
) -> None:
    invented = [again(service, SECOND, f"{number:012x}") for number in range(40)]
    evidence = with_effects(HISTORY, service, *done(service, ORDERS), *invented)

    found = judged(evidence, service)

    assert found.orders(Verdict.DUPLICATED) == (SECOND.order_id,)
    assert found.resent_on_purpose.count == 0
    assert status(judge(evidence, quiet=True)) == (1, 1)


def test_a_replay_of_one_service_excuses_no_other_service() -> None:
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS), again("sms", FIRST))
    evidence = replace(evidence, resends={("email", REPLAY): ExpectedResend()})

    assert judged(evidence, "sms").orders(Verdict.DUPLICATED) == (FIRST.order_id,)
    # Not even when the service that ran the replay has sent the same orders.
    both = with_effects(evidence, "email", *done("email", ORDERS), again("email", FIRST))
    assert judged(both, "email").orders(Verdict.DUPLICATED) == ()
    assert judged(both, "sms").orders(Verdict.DUPLICATED) == (FIRST.order_id,)


def test_a_replay_cannot_have_sent_an_order_that_was_placed_after_its_end() -> None:
    resent = (again("sms", FIRST), again("sms", SECOND))
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS), *resent)
    evidence = replace(evidence, resends={("sms", REPLAY): ExpectedResend(until=FIRST.placed_at)})

    found = judged(evidence, "sms")

    assert found.resent_on_purpose.first == (resent[0].event_id,)
    assert found.orders(Verdict.DUPLICATED) == (SECOND.order_id,)


def test_a_replay_cannot_have_sent_more_events_than_it_counted() -> None:
    resent = [again("email", order) for order in ORDERS]
    evidence = with_effects(HISTORY, "email", *done("email", ORDERS), *resent, *resent)
    evidence = replace(evidence, resends={("email", REPLAY): ExpectedResend(most=2)})

    found = judged(evidence, "email")

    assert (found.resent_on_purpose.count, found.count(Verdict.DUPLICATED)) == (2, 1)


def test_a_repeat_by_a_replay_must_match_its_order() -> None:
    wrong = replace(again("sms", FIRST), content=("somebody", "else"))
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS), wrong)

    assert judged(evidence, "sms").orders(Verdict.WRONG) == (FIRST.order_id,)


ENDED = a_replay(resend=True, ended_at=NOON, applied=2, already_applied=3)


@pytest.mark.parametrize(
    ("replay", "resend"),
    [
        (None, None),
        (structs.replace(ENDED, dry_run=True), None),
        (structs.replace(ENDED, resend=False), None),
        (ENDED, ExpectedResend(NOON + CLOCKS_DIFFER, 5)),
        (
            structs.replace(ENDED, end="2026-03-04T11:00:00Z"),
            ExpectedResend(ELEVEN + CLOCKS_DIFFER, 5),
        ),
        (structs.replace(ENDED, end="1200"), ExpectedResend(NOON + CLOCKS_DIFFER, 5)),
        (structs.replace(ENDED, end="who knows"), ExpectedResend(NOON + CLOCKS_DIFFER, 5)),
        (structs.replace(ENDED, state="running", ended_at=None), ExpectedResend(None, None)),
        (
            structs.replace(ENDED, state="running", ended_at=None, end="9999-12-31T23:59:59Z"),
            ExpectedResend(LATEST, None),
        ),
        (structs.replace(ENDED, state="interrupted"), ExpectedResend(NOON + CLOCKS_DIFFER, None)),
    ],
)
def test_a_services_replay_record_limits_what_it_may_have_sent(
    replay: Replay | None, resend: ExpectedResend | None
) -> None:
    assert to_resend(replay) == resend


@pytest.mark.parametrize(
    "id", ["nobody.replay-0123456789ab", "event-1.replay-", "event-1.replay-0123456789abc"]
)
def test_a_similar_id_without_an_order_is_an_orphan(id: str) -> None:
    evidence = with_effects(HISTORY, "sms", *done("sms", ORDERS), SeenEffect(id))
    assert judged(evidence, "sms").orphans.first == (id,)


def latecomer(joined: datetime | None, *effects: SeenEffect) -> History:
    evidence = with_effects(HISTORY, "shipping", *effects)
    return replace(evidence, joined={"shipping": joined})


def shipping(evidence: History, *, quiet: bool = True) -> ServiceAudit:
    [found] = [s for s in judge(evidence, quiet=quiet).services if s.service == "shipping"]
    return found


def shipment(order: Order) -> SeenEffect:
    return SeenEffect(
        order.event_id, content=content_of(order.order_id, sum(order.quantities.values()))
    )


def test_orders_from_before_it_joined_need_no_shipment() -> None:
    evidence = latecomer(SECOND.placed_at, shipment(SECOND), shipment(THIRD))
    found = shipping(evidence)
    assert found.orders(Verdict.EARLIER) == (FIRST.order_id,)
    assert found.orders(Verdict.APPLIED) == (SECOND.order_id, THIRD.order_id)
    assert status(judge(evidence, quiet=True)) == (0, 0)


def test_an_order_from_after_it_joined_is_lost_without_a_shipment() -> None:
    evidence = latecomer(SECOND.placed_at, shipment(THIRD))
    assert shipping(evidence).orders(Verdict.LOST) == (SECOND.order_id,)
    assert status(judge(evidence, quiet=True)) == (1, 1)


def test_its_effects_for_earlier_orders_are_judged_like_others() -> None:
    wrong = SeenEffect(FIRST.event_id, content=content_of(FIRST.order_id, 99))
    evidence = latecomer(NOON + timedelta(days=1), wrong, shipment(SECOND), shipment(SECOND))
    found = shipping(evidence)
    assert found.orders(Verdict.WRONG) == (FIRST.order_id,)
    assert found.orders(Verdict.DUPLICATED) == (SECOND.order_id,)
    assert found.orders(Verdict.EARLIER) == (THIRD.order_id,)


def test_a_dead_letter_of_an_earlier_order_is_not_excused() -> None:
    """The service got the event by a replay, and failed to apply it."""
    evidence = latecomer(SECOND.placed_at, shipment(SECOND), shipment(THIRD))
    evidence = replace(evidence, dead_letters={"shipping": (FIRST.event_id,)})
    found = shipping(evidence)
    assert found.orders(Verdict.DEAD_LETTERED) == (FIRST.order_id,)
    assert found.other_dead_letters.first == ()
    assert status(judge(evidence, quiet=True)) == (0, 1)


def test_before_it_has_joined_all_orders_are_earlier() -> None:
    assert len(shipping(latecomer(None)).orders(Verdict.EARLIER)) == 3


def test_the_report_counts_and_lists_earlier_orders() -> None:
    still = BacklogSnapshot(outbox=0, depths={}, unsettled={})
    evidence = latecomer(SECOND.placed_at, shipment(SECOND), shipment(THIRD))
    audit = judge(evidence, quiet=True)
    result = Result(audit, Quiet(True, 0.0, (), still), Options())
    assert sentence(result) == (
        "Every service did its part exactly once for each of 3 accepted orders, except for 1 that "
        "was placed before a service joined."
    )
    assert document(result)["services"]["shipping"]["earlier"] == (FIRST.order_id,)
