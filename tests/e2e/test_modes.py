"""Orders in the three modes on a running system."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.asking import client
from tests.e2e.books import Books
from tests.e2e.cells import matrix_but_on
from tests.e2e.patience import eventually
from tests.e2e.shop import CONSUMERS, Shop

WORK_TIMES = {"email": 0.5, "sms": 0.3, "inventory": 0.1, "analytics": 0.0}
ORDER = {"userId": "usr-1", "items": [{"productId": "prod-1", "quantity": 1, "price": 1.5}]}


@pytest.fixture(scope="module")
def options() -> Mapping[str, Any]:
    return {"work_times": WORK_TIMES}


def post(shop: Shop, mode: str | None = None, key: str = "") -> httpx.Response:
    return client().post(
        shop.stack.urls["order"] + "/orders",
        params={"mode": mode} if mode else {},
        json=ORDER,
        headers={"Idempotency-Key": f'"{key}"'} if key else {},
        timeout=60,
    )


def outcomes(answer: httpx.Response) -> dict[str, str]:
    return {stage["stage"]: stage["outcome"] for stage in answer.json()["stages"]}


class Before:
    """The audit report before a test, to compute what the test has added."""

    def __init__(self, books: Books) -> None:
        # None of these orders is placed with `orderctl place`.
        books.shop.ledger.touch()
        self._shop = books.shop
        self._report = books.shop.audit(quiet=0)

    def added(self) -> dict[str, Any]:
        report = self._shop.audit()
        assert report["exitStatus"] == 0, report
        applied = {
            name: service["applied"] - self._report["services"][name]["applied"]
            for name, service in report["services"].items()
        }
        numbers = {name: report[name] - self._report[name] for name in ("accepted", "completed")}
        half_done = [each for each in report["halfDone"] if each not in self._report["halfDone"]]
        return {**numbers, "halfDone": half_done, "applied": applied}


@contextmanager
def an_order_service(shop: Shop, **settings: str) -> Iterator[None]:
    """Run the block with other settings of the order service."""
    for started in (settings, {}):
        shop.stack.stop("order")
        shop.stack.start("order", env=started)
        shop.stack.wait_ready(["order"])
        if started:
            yield


def test_every_service_applies_an_order_once_in_each_mode(books: Books) -> None:
    shop, before = books.shop, Before(books)
    with an_order_service(shop, ORDER_MODE="sync"):
        done = {mode: post(shop, mode) for mode in ("sync", "parallel", "async")}
        assert [answer.status_code for answer in done.values()] == [201, 201, 202]
        assert post(shop).json()["status"] == "completed"

    ends = {m: sum(stage["seconds"] for stage in done[m].json()["stages"]) for m in list(done)[:2]}
    assert done["sync"].elapsed.total_seconds() >= ends["sync"] >= sum(WORK_TIMES.values())
    # The stages ran in parallel, so their sum is longer than the order took.
    assert max(WORK_TIMES.values()) <= done["parallel"].elapsed.total_seconds() < ends["parallel"]

    applied = dict.fromkeys(CONSUMERS, 4)
    assert before.added() == {"accepted": 1, "completed": 3, "halfDone": [], "applied": applied}


@matrix_but_on("rabbitmq")  # synchronous orders involve no broker
def test_a_failed_orders_customer_has_its_mail_until_it_is_resumed(
    books: Books,
) -> None:
    shop, before = books.shop, Before(books)
    shop.stack.stop("sms_gateway")
    failed = post(shop, "sync", "resumed")
    assert (failed.status_code, failed.json()["stage"]) == (502, "sms")
    assert outcomes(failed) == {"email": "applied", "sms": "failed"}
    order_id = failed.json()["orderId"]
    shop.stack.start("sms_gateway")
    # SMS has no backlog, so nothing delays the audit, which queries SMS for its texts.
    shop.stack.wait_ready(["sms_gateway"])

    half_done = [{"orderId": order_id, "status": "failed", "doneBy": ["email"]}]
    assert before.added()["halfDone"] == half_done
    journey = shop.get("order", f"/orders/{order_id}/journey")["services"]
    states = {name: stop["state"] for name, stop in journey.items()}
    assert states == {"email": "applied"} | dict.fromkeys(CONSUMERS[1:], "undone")

    resumed = post(shop, "sync", "resumed")
    assert (resumed.status_code, resumed.json()["orderId"]) == (201, order_id)
    assert outcomes(resumed) == {"email": "applied_before"} | dict.fromkeys(
        CONSUMERS[1:], "applied"
    )
    applied = dict.fromkeys(CONSUMERS, 1)
    assert before.added() == {"accepted": 0, "completed": 1, "halfDone": [], "applied": applied}
    assert shop.audit()["services"]["email"]["resent"] == []


def test_a_service_that_is_down_fails_only_sync_orders(books: Books) -> None:
    shop, before = books.shop, Before(books)
    shop.stack.stop("email")
    answers = [post(shop, mode).status_code for mode in ("sync", "parallel", "async")]
    assert answers == [502, 502, 202]
    shop.restore("email")
    added = before.added()
    assert {tuple(order["doneBy"]) for order in added["halfDone"]} == {(), CONSUMERS[1:]}
    assert (added["accepted"], added["applied"]) == (1, dict.fromkeys(CONSUMERS, 1))


@matrix_but_on("embedded")  # likewise
def test_a_crashed_worker_blocks_its_idempotency_key_for_a_lease(books: Books) -> None:
    shop, before = books.shop, Before(books)
    # The lease lasts as long as all calls may take.
    with an_order_service(shop, CALL_TIMEOUT="2"):
        sent = threading.Thread(target=_post_and_be_cut_off, args=[shop])
        sent.start()
        eventually(lambda: shop.get("order", "/outbox")["running"] == 1, "an order begins")
        shop.stack.kill("order", only_worker=True)
        sent.join()
        shop.stack.wait_ready(["order"])

        assert post(shop, "parallel", "cut").status_code == 409
        eventually(
            lambda: post(shop, "parallel", "cut").status_code == 201, "the lease ends", within=30
        )
    applied = dict.fromkeys(CONSUMERS, 1)
    assert before.added() == {"accepted": 0, "completed": 1, "halfDone": [], "applied": applied}


def _post_and_be_cut_off(shop: Shop) -> None:
    try:
        answer = post(shop, "parallel", "cut")
    except httpx.TransportError:
        return
    raise AssertionError(f"answered {answer.status_code} before its worker was killed")
