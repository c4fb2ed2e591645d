"""Planted faults that the audit must find: it exits 1 and names the orders."""

import pytest

from tests.e2e.cells import latin_square, matrix_but_on
from tests.e2e.parts.faulty_consumer import CUSTOMER
from tests.e2e.shop import CONSUMERS, Shop

FAULTY = "tests.e2e.parts.faulty_consumer"
FAULTY_RELAY = "tests.e2e.parts.faulty_relay"


def open_with_a_fault(shop: Shop, fault: str, *parts: str) -> None:
    shop.open(without=parts)
    for part in parts:
        shop.stack.start(part, FAULTY, {"PART": part, "FAULT": fault})
    shop.stack.wait_ready(parts)


@pytest.mark.parametrize(
    ("transport", "fault", "found"),
    latin_square(("forgets", "lost"), ("twice", "duplicated"), ("otherwise", "wrong")),
    indirect=["transport"],
)
def test_the_audit_finds_a_faulty_consumer(shop: Shop, fault: str, found: str) -> None:
    open_with_a_fault(shop, fault, *CONSUMERS)
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
    ("transport", "part", "fault", "found"),
    latin_square(
        ("email", "invents", "duplicated"),
        ("sms", "invents", "duplicated"),
        ("inventory", "backorders", "wrong"),
    ),
    indirect=["transport"],
)
def test_the_audit_finds_faults_specific_to_a_service(
    shop: Shop, part: str, fault: str, found: str
) -> None:
    open_with_a_fault(shop, fault, part)
    shop.place(8)
    bad = shop.place(3, user=CUSTOMER)

    report = shop.audit()

    assert report["exitStatus"] == 1
    assert sorted(report["services"][part][found]) == sorted(bad)


@matrix_but_on("kafka")
def test_the_audit_finds_repeated_mails(shop: Shop) -> None:
    open_with_a_fault(shop, "repeats", "email")
    shop.place(8)
    bad = shop.place(3, user=CUSTOMER)

    report = shop.audit()

    assert (report["exitStatus"], report["verdict"]) == (1, "broken")
    assert report["services"]["email"]["repeats"] == 4 * len(bad)
    assert shop.audit(crashes=4 * len(bad))["exitStatus"] == 0


@matrix_but_on("embedded")
def test_the_audit_finds_an_event_dropped_by_the_relay(shop: Shop) -> None:
    shop.open(without=["order-relay"])
    shop.stack.start("order-relay", FAULTY_RELAY, {"FAULT": "drops"})
    good = shop.place(8)
    bad = shop.place(2, user=CUSTOMER)

    report = shop.audit()

    assert report["exitStatus"] == 1
    for name in CONSUMERS:
        assert sorted(report["services"][name]["lost"]) == sorted(bad)
        assert report["services"][name]["applied"] == len(good)


@matrix_but_on("rabbitmq")
def test_the_audit_finds_an_order_that_differs_from_its_response(shop: Shop) -> None:
    shop.open()
    [order_id, *_] = shop.place(3)
    true = shop.ledger.read_text()
    add(shop, f'{{"orderId": "{order_id}", "status": 201}}')

    report = shop.audit()

    assert report["exitStatus"] == 1
    assert report["otherStatus"] == [order_id]

    # And one that is not there at all.
    shop.ledger.write_text(true)
    add(shop, '{"orderId": "ord-gone", "eventId": "none"}')

    report = shop.audit()

    assert report["exitStatus"] == 1
    assert (report["otherStatus"], report["withoutRow"]) == ([], ["ord-gone"])


def add(shop: Shop, answer: str) -> None:
    """Add a response to the ledger."""
    with shop.ledger.open("a") as ledger:
        ledger.write(answer + "\n")
