"""Customers arrive on schedule, and their waiting time counts from when they were due."""

import random
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from orderctl.compare.customers import CustomerAnswer, Customers, Stage
from orderctl.place.baskets import BasketTemplate, baskets

STAGES = [{"stage": "email", "outcome": "applied", "startedSeconds": 0.0, "seconds": 2.0}]
PLACED = {"orderId": "ord-1", "status": "completed", "totalAmount": 1, "stages": STAGES}
PROBLEM = {"title": "The order failed", "detail": "sms: it answers 500", "stage": "sms"}

Respond = Callable[[httpx.Request], httpx.Response]


def answers(
    shop: Respond, schedule: list[float], mode: str = "sync"
) -> tuple[list[CustomerAnswer], list[tuple[str, int]]]:
    placed: list[tuple[str, int]] = []

    def note(order_id: str, status: int) -> None:
        placed.append((order_id, status))

    with httpx.Client(transport=httpx.MockTransport(shop)) as client:
        customers = Customers(client, "http://shop/", mode, note)  # type: ignore[arg-type]
        orders = baskets(BasketTemplate(), random.Random(1))
        return customers.place(orders, schedule, begin=time.monotonic()), placed


def test_a_placed_order_has_its_stages_and_is_in_the_ledger() -> None:
    [answer], placed = answers(lambda _request: httpx.Response(201, json=PLACED), [0.0])
    assert (answer.status, answer.order_id, answer.reason) == (201, "ord-1", "")
    assert answer.stages == (Stage("email", "applied", 0.0, 2.0),)
    assert answer.is_placed
    assert placed == [("ord-1", 201)]


def test_the_mode_is_requested() -> None:
    asked: list[str] = []

    def shop(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(202, json=PLACED)

    answers(shop, [0.0], mode="parallel")
    assert asked == ["http://shop/orders?mode=parallel"]


def test_a_failed_order_names_the_service_and_is_not_in_the_ledger() -> None:
    shop: Respond = lambda _request: httpx.Response(502, json=PROBLEM | {"orderId": "ord-2"})  # noqa: E731
    [answer], placed = answers(shop, [0.0])
    assert (answer.status, answer.order_id, answer.stage) == (502, "ord-2", "sms")
    assert answer.reason == "The order failed sms: it answers 500"
    assert not answer.is_placed
    assert placed == []


def test_without_a_response_there_is_no_status() -> None:
    def shop(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    [answer], placed = answers(shop, [0.0])
    assert (answer.status, answer.reason, placed) == (None, "connection refused", [])


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b'{"orderId": 7}'])
def test_an_empty_response_is_not_an_order(content: bytes) -> None:
    [answer], placed = answers(lambda _request: httpx.Response(202, content=content), [0.0])
    assert (answer.order_id, answer.stages, placed) == (None, (), [])


def test_customers_do_not_wait_for_earlier_ones() -> None:
    """While the shop is blocked, further customers still arrive on schedule."""
    doors_open, inside = threading.Event(), threading.Semaphore(0)

    def shop(_request: httpx.Request) -> httpx.Response:
        inside.release()
        assert doors_open.wait(10)
        return httpx.Response(202, json=PLACED)

    def open_when_all_are_inside() -> None:
        for _ in range(4):
            assert inside.acquire(timeout=10)
        doors_open.set()

    opener = threading.Thread(target=open_when_all_are_inside)
    opener.start()
    found, _ = answers(shop, [0.0, 0.1, 0.2, 0.3])
    opener.join()
    # All got their responses at the same time, so the one due first waited longest.
    waits = [answer.seconds for answer in found]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] - waits[3] == pytest.approx(0.3, abs=0.1)


def test_times_count_from_when_an_order_was_due_not_sent() -> None:
    with httpx.Client(
        transport=httpx.MockTransport(lambda _request: httpx.Response(202, json=PLACED))
    ) as client:
        customers = Customers(client, "http://shop", "async")
        late = time.monotonic() - 5.0
        [answer] = customers.place(baskets(BasketTemplate(), random.Random(1)), [0.0], begin=late)
    assert 5.0 <= answer.seconds < 6.0
    assert (answer.answered - answer.due).total_seconds() == pytest.approx(answer.seconds)
