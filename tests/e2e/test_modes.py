"""Orders in the three modes on a running system."""

import threading
from typing import Any

import httpx

from tests.e2e.shop import CONSUMERS, Shop, eventually

WORK_TIMES = {"email": 0.5, "sms": 0.3, "inventory": 0.1, "analytics": 0.0}
ORDER = {"userId": "usr-1", "items": [{"productId": "prod-1", "quantity": 1, "price": 1.5}]}


def open_with_work(shop: Shop, **order: str) -> None:
    # None of these orders is placed with `orderctl place`.
    shop.ledger.touch()
    shop.open(without=[*CONSUMERS, "order"])
    shop.stack.start("order", env=order)
    for name in CONSUMERS:
        shop.stack.start(name, env={"WORK_TIME": str(WORK_TIMES[name])})
    shop.stack.wait_ready()


def post(shop: Shop, mode: str | None = None, key: str = "") -> httpx.Response:
    return httpx.post(
        shop.stack.urls["order"] + "/orders",
        params={"mode": mode} if mode else {},
        json=ORDER,
        headers={"Idempotency-Key": key} if key else {},
        timeout=60,
    )


def outcomes(answer: httpx.Response) -> dict[str, str]:
    return {stage["stage"]: stage["outcome"] for stage in answer.json()["stages"]}


def applied(report: dict[str, Any]) -> dict[str, int]:
    return {name: service["applied"] for name, service in report["services"].items()}


def test_every_service_applies_an_order_once_in_each_mode(shop: Shop) -> None:
    open_with_work(shop, ORDER_MODE="sync")
    done = {mode: post(shop, mode) for mode in ("sync", "parallel", "async")}
    assert [answer.status_code for answer in done.values()] == [201, 201, 202]
    assert post(shop).json()["status"] == "completed"

    ends = {m: sum(stage["seconds"] for stage in done[m].json()["stages"]) for m in list(done)[:2]}
    assert done["sync"].elapsed.total_seconds() >= ends["sync"] >= sum(WORK_TIMES.values())
    # The stages ran in parallel, so their sum is longer than the order took.
    assert max(WORK_TIMES.values()) <= done["parallel"].elapsed.total_seconds() < ends["parallel"]

    report = shop.audit(quiet=1)
    assert report["exitStatus"] == 0, report
    assert (report["accepted"], report["completed"], report["halfDone"]) == (1, 3, [])
    assert applied(report) == dict.fromkeys(CONSUMERS, 4)


def test_a_failed_orders_customer_has_its_mail_until_it_is_resumed(
    shop: Shop,
) -> None:
    open_with_work(shop)
    shop.stack.stop("sms_gateway")
    failed = post(shop, "sync", '"k"')
    assert (failed.status_code, failed.json()["stage"]) == (502, "sms")
    assert outcomes(failed) == {"email": "applied", "sms": "failed"}
    order_id = failed.json()["orderId"]
    shop.stack.start("sms_gateway")
    # SMS has no backlog, so nothing delays the audit, which queries SMS for its texts.
    shop.stack.wait_ready(["sms_gateway"])

    report = shop.audit(quiet=1)
    assert report["exitStatus"] == 0, report
    assert report["halfDone"] == [{"orderId": order_id, "status": "failed", "doneBy": ["email"]}]
    states = {
        name: stop["state"]
        for name, stop in shop.get("order", f"/orders/{order_id}/journey")["services"].items()
    }
    assert states == {"email": "applied"} | dict.fromkeys(CONSUMERS[1:], "undone")

    resumed = post(shop, "sync", '"k"')
    assert (resumed.status_code, resumed.json()["orderId"]) == (201, order_id)
    assert outcomes(resumed) == {"email": "applied_before"} | dict.fromkeys(
        CONSUMERS[1:], "applied"
    )
    report = shop.audit(quiet=1)
    assert (report["completed"], report["halfDone"]) == (1, [])
    assert applied(report) == dict.fromkeys(CONSUMERS, 1)
    assert report["services"]["email"]["resent"] == []


def test_a_service_that_is_down_fails_only_sync_orders(shop: Shop) -> None:
    open_with_work(shop)
    shop.stack.stop("email")
    assert [post(shop, mode).status_code for mode in ("sync", "parallel", "async")] == [
        502,
        502,
        202,
    ]
    shop.stack.start("email", env={"WORK_TIME": "0"})
    report = shop.audit(quiet=1)
    assert report["exitStatus"] == 0, report
    by = {tuple(order["doneBy"]) for order in report["halfDone"]}
    assert by == {(), CONSUMERS[1:]}
    assert applied(report) == dict.fromkeys(CONSUMERS, 1)


def test_a_crashed_worker_blocks_its_idempotency_key_for_a_lease(shop: Shop) -> None:
    # The lease lasts as long as all calls may take.
    open_with_work(shop, CALL_TIMEOUT="2")
    sent = threading.Thread(target=_post_and_be_cut_off, args=[shop])
    sent.start()
    eventually(lambda: shop.get("order", "/outbox")["running"] == 1, what="an order begins")
    shop.stack.kill("order", only_worker=True)
    sent.join()
    shop.stack.wait_ready(["order"])

    assert post(shop, "parallel", '"k"').status_code == 409
    eventually(
        lambda: post(shop, "parallel", '"k"').status_code == 201, what="the lease ends", within=30
    )
    report = shop.audit(quiet=1)
    assert (report["exitStatus"], report["completed"], report["halfDone"]) == (0, 1, [])
    assert applied(report) == dict.fromkeys(CONSUMERS, 1)


def _post_and_be_cut_off(shop: Shop) -> None:
    try:
        answer = post(shop, "parallel", '"k"')
    except httpx.TransportError:
        return
    raise AssertionError(f"answered {answer.status_code} before its worker was killed")
