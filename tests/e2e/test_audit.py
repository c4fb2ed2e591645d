"""Planted faults that the audit must find: it exits 1 and names the orders."""

from typing import Any

import pytest

from tests.e2e.parts.faulty_consumer import CUSTOMER
from tests.e2e.shop import CONSUMERS, Shop

FAULTY = "tests.e2e.parts.faulty_consumer"


@pytest.mark.parametrize(
    ("fault", "found"), [("forgets", "lost"), ("twice", "duplicated"), ("otherwise", "wrong")]
)
def test_the_audit_finds_a_faulty_consumer(shop: Shop, fault: str, found: str) -> None:
    shop.open(without=CONSUMERS)
    for name in CONSUMERS:
        shop.stack.start(name, FAULTY, {"PART": name, "FAULT": fault})
    shop.stack.wait_ready(CONSUMERS)
    good = shop.place(8)
    bad = shop.place(3, user=CUSTOMER)

    report = shop.audit()

    assert report["exitStatus"] == 1
    assert report["verdict"] == "broken"
    for name in CONSUMERS:
        service = report["services"][name]
        assert sorted(service[found]) == sorted(bad), (name, service)
        assert service["applied"] == len(good)


@pytest.mark.parametrize(
    ("part", "fault", "found"),
    [
        ("email", "invents", "duplicated"),
        ("sms", "invents", "duplicated"),
        ("inventory", "backorders", "wrong"),
    ],
)
def test_the_audit_finds_faults_specific_to_a_service(
    shop: Shop, part: str, fault: str, found: str
) -> None:
    report, bad = with_a_fault(shop, part, fault)

    assert report["exitStatus"] == 1
    assert sorted(report["services"][part][found]) == sorted(bad)


def test_the_audit_finds_repeated_mails(shop: Shop) -> None:
    report, bad = with_a_fault(shop, "email", "repeats")

    assert (report["exitStatus"], report["verdict"]) == (1, "broken")
    assert report["services"]["email"]["repeats"] == 4 * len(bad)
    assert shop.audit(crashes=4 * len(bad))["exitStatus"] == 0


def with_a_fault(shop: Shop, part: str, fault: str) -> tuple[dict[str, Any], list[str]]:
    """The audit's report, and the orders affected by the fault."""
    shop.open(without=[part])
    shop.stack.start(part, FAULTY, {"PART": part, "FAULT": fault})
    shop.stack.wait_ready([part])
    shop.place(8)
    bad = shop.place(3, user=CUSTOMER)
    return shop.audit(), bad


def test_the_audit_finds_an_order_that_differs_from_its_response(shop: Shop) -> None:
    shop.open()
    [order_id, *_] = shop.place(3)
    with shop.ledger.open("a") as ledger:
        ledger.write(f'{{"orderId": "{order_id}", "status": 201}}\n')

    report = shop.audit()

    assert report["exitStatus"] == 1
    assert report["otherStatus"] == [order_id]


def test_the_audit_finds_an_event_dropped_by_the_relay(shop: Shop) -> None:
    shop.open(without=["order-relay"])
    shop.stack.start("order-relay", "tests.e2e.parts.faulty_relay", {"FAULT": "drops"})
    good = shop.place(8)
    bad = shop.place(2, user=CUSTOMER)

    report = shop.audit()

    assert report["exitStatus"] == 1
    for name in CONSUMERS:
        assert sorted(report["services"][name]["lost"]) == sorted(bad)
        assert report["services"][name]["applied"] == len(good)


def test_the_audit_finds_an_accepted_order_that_is_missing(shop: Shop) -> None:
    shop.open()
    shop.place(3)
    with shop.ledger.open("a") as ledger:
        ledger.write('{"orderId": "ord-gone", "eventId": "none"}\n')

    report = shop.audit()

    assert report["exitStatus"] == 1
    assert report["withoutRow"] == ["ord-gone"]
