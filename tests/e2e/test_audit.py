"""The audit is proven by planting the faults that it is for: it exits 1 and names the orders."""

import pytest

from tests.e2e.parts.faulty_consumer import CUSTOMER
from tests.e2e.shop import CONSUMERS, Shop

FAULTY = "tests.e2e.parts.faulty_consumer"


@pytest.mark.parametrize(("fault", "found"), [("forgets", "lost"), ("twice", "duplicated")])
def test_a_consumer_with_a_fault_is_found_out(shop: Shop, fault: str, found: str) -> None:
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


def test_a_relay_that_drops_an_event_is_found_out(shop: Shop) -> None:
    shop.open(without=["order-relay"])
    shop.stack.start("order-relay", "tests.e2e.parts.faulty_relay", {"FAULT": "drops"})
    good = shop.place(8)
    bad = shop.place(2, user=CUSTOMER)

    report = shop.audit()

    assert report["exitStatus"] == 1
    for name in CONSUMERS:
        assert sorted(report["services"][name]["lost"]) == sorted(bad)
        assert report["services"][name]["applied"] == len(good)


def test_an_order_that_was_answered_and_is_not_there_is_found_out(shop: Shop) -> None:
    shop.open()
    shop.place(3)
    with shop.ledger.open("a") as ledger:
        ledger.write('{"orderId": "ord-gone", "eventId": "none"}\n')

    report = shop.audit()

    assert report["exitStatus"] == 1
    assert report["withoutRow"] == ["ord-gone"]
