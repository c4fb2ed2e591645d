"""What the far ends show becomes evidence, and what cannot be read is never taken for nothing."""

from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from orderctl.audit_collector import Collector
from orderctl.audit_evidence import Answer, Effect, Evidence, Order, Stock
from orderctl.audit_look import Look
from orderctl.errors import EvidenceUnreadable, UsageError
from shared.topology import CONSUMERS
from shared.transport import Broker, Depth
from tests.unit.audit_far_ends import (
    FakeBroker,
    FarEnds,
    addresses,
    dead_letter,
    json,
    ndjson,
    order_row,
)

MOVEMENT = {
    "eventId": "event-1",
    "orderId": "ord-1",
    "productId": "prod-1",
    "requested": 3,
    "moved": 2,
    "backordered": 1,
    "at": "2026-01-01T00:00:00Z",
}


def collect(far: FarEnds, broker: Broker | None = None, ledger: Path | None = None) -> Evidence:
    return Collector(addresses(), far.client(), broker or FakeBroker()).collect(ledger)


def a_mail(number: int, message_id: str = "", subject: str = "") -> dict[str, str]:
    return {"ID": str(number), "MessageID": message_id, "Subject": subject}


def test_an_order_has_its_quantities_by_product_and_its_exact_total() -> None:
    far = FarEnds(orders=[order_row(1, totalAmount=0.30)])

    [order] = collect(far).orders

    assert order == Order("ord-1", "event-1", {"prod-1": 3}, Decimal("0.30"))


def test_all_pages_are_read_and_every_order_once() -> None:
    rows = [order_row(number) for number in range(7)]
    far = FarEnds(orders=[*rows, rows[3]], page=3)

    assert [o.order_id for o in collect(far).orders] == [f"ord-{number}" for number in range(7)]


def test_a_mail_is_known_by_its_message_id() -> None:
    far = FarEnds(mails=[a_mail(2, "event-1@orders.example"), a_mail(1, "x@elsewhere", "ord-9")])

    first, second = collect(far).effects["email"]

    assert first == Effect("event-1")
    assert (second.event_id, second.mentions) == ("x@elsewhere", "ord-9")


def test_a_mail_that_arrives_while_pages_are_read_shifts_none_into_view_twice() -> None:
    far = FarEnds(mails=[a_mail(n, f"event-{n}@orders.example") for n in (4, 3, 2, 1)], page=2)

    def shifted(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["start"])
        mails = far.mails if start == 0 else [a_mail(5, "event-5@orders.example"), *far.mails]
        return json({"total": len(mails), "messages": mails[start : start + 2]})

    far.answers["mail", "/api/v1/messages"] = shifted

    events = [effect.event_id for effect in collect(far).effects["email"]]
    assert events == ["event-4", "event-3", "event-2", "event-1"]


def test_mails_that_are_counted_but_not_listed_are_not_taken_for_lost() -> None:
    far = FarEnds()
    far.answers["mail", "/api/v1/messages"] = lambda _: json({"total": 3, "messages": []})

    with pytest.raises(EvidenceUnreadable, match="lists 0 of 3"):
        collect(far)


def test_a_text_is_known_by_its_idempotency_key() -> None:
    texts = [{"id": n, "idempotencyKey": f"event-{n}", "to": "x", "text": "y"} for n in range(5)]

    effects = collect(FarEnds(texts=texts, page=2)).effects["sms"]

    assert effects == tuple(Effect(f"event-{number}") for number in range(5))


def test_pages_that_lead_nowhere_are_not_read_for_ever() -> None:
    far = FarEnds()
    far.answers["gateway", "/messages"] = lambda _: json({"messages": [], "next": "1"})

    with pytest.raises(EvidenceUnreadable, match="do not lead to an end"):
        collect(far)


def test_movements_are_effects_and_sums_by_product() -> None:
    evidence = collect(FarEnds(movements=[MOVEMENT]))

    assert evidence.effects["inventory"] == (Effect("event-1", "prod-1", ("ord-1", 3, 3)),)
    assert evidence.moved == {"prod-1": 2}


def test_the_stock_is_that_of_the_movements() -> None:
    far = FarEnds(products=[{"productId": "prod-1", "initial": 10, "onHand": 8, "name": "Kettle"}])

    assert collect(far).stock == {"prod-1": Stock(10, 8)}


def test_a_stock_that_moves_while_it_is_read_is_not_compared() -> None:
    on_hand = iter((8, 7))
    far = FarEnds()
    far.answers["inventory", "/stock"] = lambda _: json(
        {"products": [{"productId": "prod-1", "initial": 10, "onHand": next(on_hand)}]}
    )

    assert collect(far).stock is None


def test_a_fact_says_order_and_total() -> None:
    fact = {"eventId": "event-1", "orderId": "ord-1", "totalAmount": 99.98, "at": "…"}

    [effect] = collect(FarEnds(facts=[fact])).effects["analytics"]

    assert effect == Effect("event-1", says=("ord-1", Decimal("99.98")))


def test_dead_letters_are_known_by_their_handles() -> None:
    broker = FakeBroker(dead={"sms": ["event-1", ""]})

    assert collect(FarEnds(), broker).dead_letters["sms"] == ("event-1", dead_letter("").handle)


def test_the_ledger_is_part_of_the_evidence(tmp_path: Path) -> None:
    ledger = tmp_path / "accepted.ndjson"
    ledger.write_text('{"orderId":"ord-1"}\n{"orderId":"ord-2","eventId":"event-2"}\n')

    answers = collect(FarEnds(), ledger=ledger).answers

    assert answers == (Answer("ord-1"), Answer("ord-2", "event-2"))


def test_a_ledger_that_is_not_there_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(EvidenceUnreadable, match="ledger"):
        collect(FarEnds(), ledger=tmp_path / "nothing")


@pytest.mark.parametrize(
    ("away", "named"),
    [
        ("order", "ORDER_URL"),
        ("mail", "MAIL_URL"),
        ("gateway", "SMS_GATEWAY_URL"),
        ("inventory", "INVENTORY_URL"),
        ("analytics", "ANALYTICS_URL"),
    ],
)
def test_a_far_end_that_is_away_is_named_with_its_setting(away: str, named: str) -> None:
    with pytest.raises(EvidenceUnreadable, match=f"start it, or set {named}"):
        collect(FarEnds(away={away}))


def test_everything_that_cannot_be_read_is_named_at_once() -> None:
    with pytest.raises(EvidenceUnreadable) as caught:
        collect(FarEnds(away={"mail", "inventory"}), FakeBroker(is_away=True))

    assert len(caught.value.reasons) == 2 + 4


def test_an_answer_of_another_shape_is_not_evidence() -> None:
    far = FarEnds()
    far.answers["analytics", "/effects"] = lambda _: ndjson({"eventId": "event-1"})

    with pytest.raises(EvidenceUnreadable, match="orderId"):
        collect(far)


def test_a_list_that_breaks_off_is_not_evidence() -> None:
    far = FarEnds()
    far.answers["inventory", "/effects"] = lambda _: httpx.Response(200, content=b'{"eventId": "e')

    with pytest.raises(EvidenceUnreadable):
        collect(far)


def test_an_error_of_a_far_end_is_not_evidence() -> None:
    far = FarEnds()
    far.answers["order", "/orders"] = lambda _: json({"title": "Service unavailable"}, 503)

    with pytest.raises(EvidenceUnreadable, match="answers 503 to /orders"):
        collect(far)


def test_a_consumer_that_the_audit_does_not_know_is_a_wrong_setting() -> None:
    with pytest.raises(UsageError, match="billing"):
        Collector(addresses("email", "billing"), FarEnds().client(), FakeBroker()).collect()


def test_a_look_sees_outbox_queues_consumers_and_the_newest_order() -> None:
    far = FarEnds(orders=[order_row(2), order_row(1)], pending=3, unsettled=4)
    depths = dict.fromkeys(CONSUMERS, Depth(1, 2, 0))

    seen = Look(addresses(), far.client(), FakeBroker(depths))()

    assert (seen.outbox, seen.newest_order, dict(seen.depths)) == (3, "ord-2", depths)
    assert seen.unsettled == dict.fromkeys(CONSUMERS, 4)


def test_a_look_sees_orders_that_are_being_done_by_calls() -> None:
    far = FarEnds()
    far.answers["order", "/outbox"] = lambda _: json({"pending": 0, "running": 2})

    assert Look(addresses(), far.client(), FakeBroker())().running == 2


def test_the_status_of_an_order_is_read() -> None:
    far = FarEnds(orders=[order_row(2, status="failed"), order_row(1)])

    orders = Collector(addresses(), far.client(), FakeBroker()).collect().orders

    assert [order.status for order in orders] == ["failed", "accepted"]


def test_a_look_says_why_things_do_not_move() -> None:
    far = FarEnds(pending=1, away={"relay", "sms"})
    far.answers["email", "/health/ready"] = lambda _: json(
        {"ready": False, "reason": "SMTP server is unavailable", "unsettled": 1}, 503
    )

    seen = Look(addresses(), far.client(), FakeBroker())()

    assert set(seen.troubles) == {
        "order-relay: does not run",
        "sms: does not run",
        "email: SMTP server is unavailable",
    }
    assert seen.unsettled["sms"] is None


def test_a_look_fails_where_a_consumer_runs_and_does_not_answer() -> None:
    far = FarEnds()

    def too_slow(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("timed out")

    far.answers["email", "/health/ready"] = too_slow

    with pytest.raises(EvidenceUnreadable, match="email runs at"):
        Look(addresses(), far.client(), FakeBroker())()


def test_a_look_fails_without_a_broker() -> None:
    with pytest.raises(EvidenceUnreadable, match="BROKER_URL"):
        Look(addresses(), FarEnds().client(), FakeBroker(is_away=True))()
