"""Downstream systems' data becomes evidence; unreadable data is never taken for an empty list."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec
import pytest

from orderctl.audit.backlog import BacklogProbe
from orderctl.audit.collector import MOST_DEAD_LETTERS, Collector
from orderctl.audit.evidence import Evidence
from orderctl.audit.facts import Answer, Item, Order, SeenEffect, Stock, content_of
from orderctl.errors import EvidenceUnreadable, UsageError
from shared.transport import Broker, Depth
from shop.consumers import CONSUMERS
from tests.replays import a_replay
from tests.unit.orderctl.audit.far_ends import (
    FakeBroker,
    FarEnds,
    WatchedStore,
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


@dataclass
class Collecting:
    """The evidence of one audit; `store` is closed at the end of the test."""

    store: WatchedStore

    def evidence(
        self, far: FarEnds, broker: Broker | None = None, ledger: Path | None = None
    ) -> Evidence:
        client = far.client()
        return Collector(addresses(), client, broker or FakeBroker(), self.store).collect(ledger)

    def orders(self, far: FarEnds) -> list[Order]:
        self.evidence(far)
        return [order for order, _found in self.store.orders("email")]

    def effects(self, far: FarEnds, service: str) -> list[SeenEffect]:
        self.evidence(far)
        return self.store.effects[service]


@pytest.fixture
def collect() -> Iterator[Collecting]:
    with closing(WatchedStore()) as store:
        yield Collecting(store)


def a_mail(number: int, message_id: str = "", **more: object) -> dict[str, object]:
    return {"ID": str(number), "MessageID": message_id, "Snippet": "", **more}


def test_an_order_has_its_items_and_its_exact_total(collect: Collecting) -> None:
    far = FarEnds(orders=[order_row(1, totalAmount=0.30)])

    [order] = collect.orders(far)

    items = (Item("prod-1", 1, Decimal(1)), Item("prod-1", 2, Decimal(1)))
    at = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
    assert order == Order("ord-1", "event-1", "usr-1", items, Decimal("0.30"), at)
    assert order.quantities == {"prod-1": 3}


def test_all_pages_are_read_and_each_order_once(collect: Collecting) -> None:
    rows = [order_row(number) for number in range(7)]
    far = FarEnds(orders=[*rows, rows[3]], page=3)

    assert [o.order_id for o in collect.orders(far)] == [f"ord-{number}" for number in range(7)]


def test_a_mail_is_identified_by_its_message_id(collect: Collecting) -> None:
    other = a_mail(1, "x@elsewhere", Subject="ord-9")
    far = FarEnds(mails=[a_mail(2, "event-1@orders.example"), other])

    first, second = collect.effects(far, "email")

    assert first.event_id == "event-1"
    assert (second.event_id, second.mentions) == ("x@elsewhere", "ord-9")


def test_a_mail_has_its_sender_recipients_subject_and_text(collect: Collecting) -> None:
    mail = a_mail(
        1,
        From={"Name": "", "Address": "us@example.com"},
        To=[{"Address": '"a..b"@example.com'}],
        Cc=None,
        Bcc=[{"Address": "a.spy@example.com"}],
        Subject="Your\n order",
        Snippet="Thank  you.\n",
    )

    [effect] = collect.effects(FarEnds(mails=[mail]), "email")

    recipients = "a..b@example.com, a.spy@example.com"
    assert effect.content == ("us@example.com", recipients, "Your order", "Thank you.")


@pytest.mark.parametrize("snippet", [None, "Thank you for..."])
def test_a_text_truncated_in_the_list_is_read_in_full(
    collect: Collecting, snippet: str | None
) -> None:
    far = FarEnds(mails=[a_mail(1, Snippet=snippet)])
    far.answers["mail", "/api/v1/message/1"] = lambda _: json({"Text": "Thank you for\nit.\n"})

    [effect] = collect.effects(far, "email")

    assert effect.content[-1] == "Thank you for it."


def test_a_mail_that_arrives_during_paging_causes_no_duplicates(
    collect: Collecting,
) -> None:
    far = FarEnds(mails=[a_mail(n, f"event-{n}@orders.example") for n in (4, 3, 2, 1)], page=2)

    def shifted(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["start"])
        mails = far.mails if start == 0 else [a_mail(5, "event-5@orders.example"), *far.mails]
        return json({"total": len(mails), "messages": mails[start : start + 2]})

    far.answers["mail", "/api/v1/messages"] = shifted

    collect.evidence(far)
    assert set(collect.store.orphans("email")) == {"event-4", "event-3", "event-2", "event-1"}
    assert list(collect.store.repeated("email")) == []


def test_mails_counted_but_not_listed_are_not_taken_for_lost(collect: Collecting) -> None:
    far = FarEnds()
    far.answers["mail", "/api/v1/messages"] = lambda _: json({"total": 3, "messages": []})

    with pytest.raises(EvidenceUnreadable, match="lists 0 of 3"):
        collect.evidence(far)


def test_a_text_is_identified_by_its_idempotency_key(collect: Collecting) -> None:
    texts = [{"id": n, "idempotencyKey": f"event-{n}", "to": "x", "text": "y"} for n in range(5)]

    effects = collect.effects(FarEnds(texts=texts, page=2), "sms")

    assert effects == [SeenEffect(f"event-{number}", content=("x", "y")) for number in range(5)]


def test_endless_pages_are_not_read_for_ever(collect: Collecting) -> None:
    far = FarEnds()
    far.answers["gateway", "/messages"] = lambda _: json({"messages": [], "next": "1"})

    with pytest.raises(EvidenceUnreadable, match="do not lead to an end"):
        collect.evidence(far)


def test_movements_are_effects_and_sums_by_product(collect: Collecting) -> None:
    products = [{"productId": "prod-1", "initial": 2, "onHand": 0}]
    evidence = collect.evidence(FarEnds(movements=[MOVEMENT], products=products))

    assert evidence.moved == {"prod-1": 2}
    assert collect.store.effects["inventory"] == [
        SeenEffect("event-1", "prod-1", content_of("ord-1", 3, 3))
    ]


def test_stock_and_movements_are_read_consistently(collect: Collecting) -> None:
    far = FarEnds(products=[{"productId": "prod-1", "initial": 10, "onHand": 8, "name": "Kettle"}])

    assert collect.evidence(far).stock == {"prod-1": Stock(10, 8)}


def test_stock_that_changes_while_it_is_read_is_not_compared(collect: Collecting) -> None:
    on_hand = iter((8, 7))
    far = FarEnds()
    far.answers["inventory", "/stock"] = lambda _: json(
        {"products": [{"productId": "prod-1", "initial": 10, "onHand": next(on_hand)}]}
    )

    assert collect.evidence(far).stock is None


def test_a_fact_has_order_total_minute_and_items(collect: Collecting) -> None:
    items = [{"productId": "prod-1", "quantity": 2, "revenue": 99.98}]
    fact = {"eventId": "event-1", "orderId": "ord-1", "totalAmount": 99.98, "minute": 7}
    fact |= {"items": items}

    [effect] = collect.effects(FarEnds(facts=[fact]), "analytics")

    assert effect == SeenEffect("event-1", content=("ord-1", "99.98", "7", "prod-1", "2", "99.98"))


def test_items_without_a_fact_belong_to_no_order(collect: Collecting) -> None:
    stray = dict.fromkeys(("orderId", "totalAmount", "minute", "at")) | {"eventId": "event-1"}
    items = [{"productId": "prod-1", "quantity": 2, "revenue": 99.98}]

    collect.evidence(FarEnds(facts=[stray | {"items": items}]))

    assert list(collect.store.orphans("analytics")) == ["event-1"]


def test_dead_letters_are_identified_by_their_handles(collect: Collecting) -> None:
    broker = FakeBroker(dead={"sms": ["event-1", ""]})

    assert collect.evidence(FarEnds(), broker).dead_letters["sms"] == [
        "event-1",
        dead_letter("").handle,
    ]


def test_more_dead_letters_than_the_limit_are_not_evidence(collect: Collecting) -> None:
    depths = {**FakeBroker().depths, "sms": Depth(0, 0, MOST_DEAD_LETTERS + 1)}

    with pytest.raises(EvidenceUnreadable, match="sms has 20,001 dead letters"):
        collect.evidence(FarEnds(), FakeBroker(depths))


REPLAY = "0123456789ab"


def resent(far: FarEnds, collect: Collecting) -> list[str]:
    """The intended repeats that the audit finds, for one order whose text was sent twice."""
    far.orders = [order_row(1)]
    far.texts = [{"id": 1, "idempotencyKey": f"event-1.replay-{REPLAY}", "to": "x", "text": "y"}]
    collect.evidence(far)
    return list(collect.store.on_purpose("sms"))


def test_repeats_by_a_known_replay_are_intended(
    collect: Collecting,
) -> None:
    far = FarEnds()
    known = msgspec.to_builtins(a_replay(resend=True, applied=1))
    far.answers["sms", f"/replays/{REPLAY}"] = lambda _: json(known)

    assert resent(far, collect) == [f"event-1.replay-{REPLAY}"]


@pytest.mark.parametrize("answer", [{}, msgspec.to_builtins(a_replay(resend=False))])
def test_repeats_by_an_unknown_replay_are_not_intended(
    collect: Collecting, answer: dict[str, object]
) -> None:
    far = FarEnds()
    far.answers["sms", f"/replays/{REPLAY}"] = lambda _: json(answer, 200 if answer else 404)

    assert resent(far, collect) == []


def test_without_a_services_replays_there_is_no_verdict(
    collect: Collecting,
) -> None:
    with pytest.raises(EvidenceUnreadable, match="sms does not respond"):
        resent(FarEnds(down={"sms"}), collect)


def test_the_ledger_is_part_of_the_evidence(collect: Collecting, tmp_path: Path) -> None:
    ledger = tmp_path / "accepted.ndjson"
    ledger.write_text('{"orderId":"ord-1"}\n{"orderId":"ord-2","eventId":"event-2","status":202}\n')

    assert collect.evidence(FarEnds(), ledger=ledger).has_ledger

    assert collect.store.answered == [Answer("ord-1"), Answer("ord-2", "event-2", 202)]


def test_a_missing_ledger_is_not_an_empty_one(collect: Collecting, tmp_path: Path) -> None:
    with pytest.raises(EvidenceUnreadable, match="ledger"):
        collect.evidence(FarEnds(), ledger=tmp_path / "nothing")


@pytest.mark.parametrize(
    ("down", "named"),
    [
        ("order", "ORDER_URL"),
        ("mail", "MAIL_URL"),
        ("gateway", "SMS_GATEWAY_URL"),
        ("inventory", "INVENTORY_URL"),
        ("analytics", "ANALYTICS_URL"),
    ],
)
def test_an_unreachable_system_is_reported_with_its_setting(
    collect: Collecting, down: str, named: str
) -> None:
    with pytest.raises(EvidenceUnreadable, match=f"start it, or set {named}"):
        collect.evidence(FarEnds(down={down}))


def test_all_unreadable_systems_are_reported_together(collect: Collecting) -> None:
    with pytest.raises(EvidenceUnreadable) as caught:
        collect.evidence(FarEnds(down={"mail", "inventory"}), FakeBroker(is_down=True))

    assert len(caught.value.reasons) == 2 + 4


def test_a_response_of_another_shape_is_not_evidence(collect: Collecting) -> None:
    far = FarEnds()
    far.answers["analytics", "/effects"] = lambda _: ndjson({"eventId": "event-1"})

    with pytest.raises(EvidenceUnreadable, match="orderId"):
        collect.evidence(far)


def test_an_incomplete_list_is_not_evidence(collect: Collecting) -> None:
    far = FarEnds()
    far.answers["inventory", "/effects"] = lambda _: httpx.Response(200, content=b'{"eventId": "e')

    with pytest.raises(EvidenceUnreadable):
        collect.evidence(far)


def test_an_error_response_is_not_evidence(collect: Collecting) -> None:
    far = FarEnds()
    far.answers["order", "/orders"] = lambda _: json({"title": "Service unavailable"}, 503)

    with pytest.raises(EvidenceUnreadable, match="responded with 503 to /orders"):
        collect.evidence(far)


def test_an_unknown_consumer_is_a_settings_error(collect: Collecting) -> None:
    with pytest.raises(UsageError, match="billing"):
        Collector(
            addresses("email", "billing"), FarEnds().client(), FakeBroker(), collect.store
        ).collect()


def test_a_probe_reads_outbox_queues_consumers_and_the_newest_order() -> None:
    far = FarEnds(orders=[order_row(2), order_row(1)], pending=3, unsettled=4)
    depths = dict.fromkeys(CONSUMERS, Depth(1, 2, 0))

    seen = BacklogProbe(addresses(), far.client(), FakeBroker(depths))()

    assert (seen.outbox, seen.newest_order, dict(seen.depths)) == (3, "ord-2", depths)
    assert seen.unsettled == dict.fromkeys(CONSUMERS, 4)


def test_a_probe_counts_synchronous_orders_in_progress() -> None:
    far = FarEnds()
    far.answers["order", "/outbox"] = lambda _: json({"pending": 0, "running": 2})

    assert BacklogProbe(addresses(), far.client(), FakeBroker())().running == 2


def test_the_status_of_an_order_is_read(collect: Collecting) -> None:
    far = FarEnds(orders=[order_row(2, status="failed"), order_row(1)])

    assert [order.status for order in collect.orders(far)] == ["failed", "accepted"]


def test_a_probe_reports_why_work_is_blocked() -> None:
    far = FarEnds(pending=1, down={"relay", "sms"})
    far.answers["email", "/health/ready"] = lambda _: json(
        {"ready": False, "reason": "SMTP server is unavailable", "unsettled": 1}, 503
    )

    seen = BacklogProbe(addresses(), far.client(), FakeBroker())()

    assert set(seen.problems) == {
        "order-relay: not running",
        "sms: not running",
        "email: SMTP server is unavailable",
    }
    assert seen.unsettled["sms"] is None


def test_a_probe_fails_when_a_running_consumer_does_not_respond() -> None:
    far = FarEnds()

    def too_slow(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("timed out")

    far.answers["email", "/health/ready"] = too_slow

    with pytest.raises(EvidenceUnreadable, match="email is running at"):
        BacklogProbe(addresses(), far.client(), FakeBroker())()


def test_a_probe_fails_without_a_broker() -> None:
    with pytest.raises(EvidenceUnreadable, match="BROKER_URL"):
        BacklogProbe(addresses(), FarEnds().client(), FakeBroker(is_down=True))()
