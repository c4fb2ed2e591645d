"""Faults injected into a running system: accepted orders are still completed once."""

import httpx

from tests.e2e.shop import CONSUMERS, Shop, eventually

PARTS = ("order", *CONSUMERS)
ORDER = {"userId": "usr-1", "items": [{"productId": "prod-1", "quantity": 1, "price": 1.5}]}


def open_to_faults(shop: Shop) -> None:
    shop.open(without=PARTS)
    for name in PARTS:
        shop.stack.start(name, env={"FAULTS_ALLOWED": "true"})
    shop.stack.wait_ready()


def is_ready(shop: Shop, part: str) -> bool:
    return bool(shop.get(part, "/health/ready")["ready"])


def kinds(shop: Shop, part: str) -> list[str]:
    return [each["kind"] for each in shop.get(part, "/faults")["faults"]]


def post(shop: Shop, mode: str) -> int:
    url = shop.stack.urls["order"] + "/orders"
    return httpx.post(url, params={"mode": mode}, json=ORDER, timeout=30).status_code


def test_accepted_orders_are_completed_once_under_every_fault(shop: Shop) -> None:
    open_to_faults(shop)

    shop.fault("email", "--outage")
    assert not is_ready(shop, "email")
    shop.place(5)
    assert post(shop, "sync") == 502
    shop.fault("inventory", "--crash", "after")
    shop.fault("analytics", "--crash", "before", "--latency", "uniform:0.01,0.1")
    shop.place(5)
    for crashed in ("inventory", "analytics"):
        eventually(
            lambda name=crashed: shop.stack.log(name).read_text().count("fault.crash"),  # type: ignore[misc]
            what=f"{crashed} crashes",
        )
    shop.stack.wait_ready(["inventory", "analytics"])
    assert (kinds(shop, "inventory"), kinds(shop, "analytics")) == ([], ["latency"])

    shop.fault("sms", "--failures", "1")
    order_id = shop.place(1)[0]
    # Checked in its log, since the event stays on its rung for only a fifth of a second.
    eventually(
        lambda: any(
            "delivery.retried" in line and order_id in line
            for line in shop.stack.log("sms").read_text().splitlines()
        ),
        what="sms tries again",
    )
    # Wait for the end of the ladder, so that the dead letters to redrive are known.
    eventually(lambda: shop.broker().depth("sms").dead == 1, what="sms gives up")
    shop.fault("--clear")
    eventually(lambda: is_ready(shop, "email"), what="email is back")
    assert len(shop.dlq("redrive", "sms", "--all")["redriven"]) == 1
    shop.fault("duplicate", order_id, "--count", "3")
    report = shop.assert_kept(11)
    assert [order["doneBy"] for order in report["halfDone"]] == [[]]
    crashes = {name: shop.stack.log(name).read_text().count("fault.crash") for name in CONSUMERS}
    assert crashes == {"email": 0, "sms": 0, "inventory": 1, "analytics": 1}


def test_poison_ends_in_every_dead_letter_queue_and_blocks_nothing(shop: Shop) -> None:
    open_to_faults(shop)
    shop.fault("poison", "--count", "2")
    shop.place(5)
    eventually(
        lambda: [shop.broker().depth(name).dead for name in CONSUMERS] == [2] * 4,
        what="the poison is in every dead letter queue",
    )
    shop.assert_kept(5)


def test_the_order_service_accepts_faults_too(shop: Shop) -> None:
    open_to_faults(shop)
    shop.fault("order", "--outage", "--for", "3")
    assert post(shop, "async") == 503
    shop.place(3)
    shop.fault("order", "--crash", "after")
    shop.place(1)
    assert shop.stack.log("order").read_text().count("fault.crash") == 1
    shop.assert_kept(4)
