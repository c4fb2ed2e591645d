"""The dashboard's two lanes, sync and async: orders are timed, counted, and on an open schedule."""

import threading
from random import Random
from typing import Any

import httpx

from services.dashboard.lanes import MAX_IN_FLIGHT, Lane, LaneRun
from tests.dashboard_service import FakeServices
from tests.waiting import eventually


def a_lane(answer: Any) -> tuple[Lane, FakeServices]:
    services = FakeServices({("POST", "/orders"): answer})
    return Lane(services.neighbour("order"), Random(1)), services


def accepts(_request: httpx.Request) -> Any:
    return {"orderId": "ord-1", "status": "accepted"}


def test_one_order_is_placed_and_timed() -> None:
    lane, services = a_lane(accepts)
    answer = lane.place("sync")
    assert (answer.number, answer.status, answer.order_id) == (1, 200, "ord-1")
    assert services.requests[0].url.params["mode"] == "sync"
    assert b"userId" in services.requests[0].content
    assert lane.state().median_seconds == answer.seconds


def test_refusals_and_timeouts_are_counted_and_reported() -> None:
    lane, services = a_lane(503)
    assert lane.place("async").detail == "told to answer 503"
    services.answers["POST", "/orders"] = httpx.ConnectError("refused")
    silent = lane.place("async")
    assert (silent.status, silent.detail) == (0, "order does not respond at http://order")
    assert (lane.state().answered, lane.state().refused) == (2, 2)


def test_waiting_customers_are_listed_with_their_waiting_time() -> None:
    answered = threading.Event()

    def late(_request: httpx.Request) -> Any:
        answered.wait(20)
        return accepts(_request)

    lane, _services = a_lane(late)
    customer = threading.Thread(target=lane.place, args=["sync"])
    customer.start()
    eventually(lambda: lane.state().waiting and lane.state().waiting[0].seconds > 0.02)
    answered.set()
    customer.join()
    assert lane.state().waiting == ()


def test_a_run_places_the_requested_orders_and_ends() -> None:
    lane, services = a_lane(accepts)
    assert lane.start(LaneRun("async", count=50, rate=1000))
    eventually(lambda: lane.state().answered == 50)
    eventually(lambda: lane.start(LaneRun("async", count=1, rate=1000)))
    eventually(lambda: len(services.requests) == 51)


def test_there_is_one_run_at_a_time_and_it_can_be_stopped() -> None:
    lane, _services = a_lane(accepts)
    assert lane.start(LaneRun("async", count=10_000, rate=10))
    assert not lane.start(LaneRun("async", count=1, rate=1))
    lane.stop()
    eventually(lambda: lane.state().to_come == 0)
    assert lane.state().sent < 100


def test_requests_to_an_unresponsive_service_are_limited() -> None:
    answered = threading.Event()

    def late(_request: httpx.Request) -> Any:
        answered.wait(20)
        return accepts(_request)

    lane, services = a_lane(late)
    lane.start(LaneRun("async", count=100, rate=10_000))
    eventually(lambda: len(services.requests) == MAX_IN_FLIGHT)
    lane.stop()
    answered.set()
    eventually(lambda: lane.start(LaneRun("async", count=1, rate=1000)))
    eventually(lambda: lane.state().answered == MAX_IN_FLIGHT + 1)
    assert len(services.requests) == MAX_IN_FLIGHT + 1
