"""The newest orders, and the light, which only makes claims about known orders."""

from datetime import UTC, datetime, timedelta

import pytest

from services.dashboard.light import QUIET_SECONDS, STALE_SECONDS, Judge, ServiceStatus
from services.dashboard.tracked_orders import TrackedOrder, TrackedOrders

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SERVICES = ("email", "sms")
IDLE = ServiceStatus(idle=True, inbox_age=0.5)
AT_WORK = ServiceStatus(idle=False, inbox_age=0.5)


def an_order(number: int, *, status: str = "accepted") -> TrackedOrder:
    placed = NOON + timedelta(seconds=number)
    return TrackedOrder(f"ord-{number}", f"evt-{number}", "usr-1", 1.5, status, placed)


def tracked_orders(*numbers: int, most: int = 100) -> TrackedOrders:
    tracked = TrackedOrders(SERVICES, most=most)
    tracked.add([an_order(number) for number in reversed(numbers)])
    return tracked


def test_an_order_is_done_when_every_service_has_applied_it() -> None:
    tracked = tracked_orders(1, 2)
    assert (tracked.accepted, tracked.done, tracked.waiting("email")) == (2, 0, ["ord-1", "ord-2"])
    tracked.ended("email", {"ord-1": "applied", "ord-2": "applied", "ord-of-others": "applied"})
    assert (tracked.done, tracked.waiting("email"), tracked.missing_at("ord-1")) == (0, [], ["sms"])
    tracked.ended("sms", {"ord-1": "applied"})
    assert (tracked.done, tracked.oldest("sms")) == (1, an_order(2).placed_at)


def test_known_orders_are_not_new_and_their_status_is_updated() -> None:
    tracked = tracked_orders(1)
    again = [an_order(2, status="pending"), an_order(1)]
    assert [order.order_id for order in tracked.add(again)] == ["ord-2"]
    tracked.add([an_order(2, status="completed")])
    assert (tracked.orders["ord-2"].status, tracked.accepted) == ("completed", 1)
    assert tracked.is_synchronous("ord-2")
    assert not tracked.is_synchronous("ord-1")


def test_a_synchronous_order_waits_in_no_queue() -> None:
    tracked = tracked_orders()
    tracked.add([an_order(1, status="failed")])
    assert (tracked.waiting("email"), tracked.unpublished, tracked.accepted) == ([], {}, 0)


def test_the_oldest_orders_are_dropped_with_their_state() -> None:
    tracked = tracked_orders(1, 2, 3, most=2)
    assert list(tracked.orders) == ["ord-2", "ord-3"]
    assert tracked.waiting("sms") == ["ord-2", "ord-3"]
    tracked.ended("sms", {"ord-1": "applied"})
    assert tracked.waiting("sms") == ["ord-2", "ord-3"]


def test_a_dead_letter_is_neither_waiting_nor_done_until_it_is_redriven() -> None:
    tracked = tracked_orders(1)
    tracked.ended("email", {"ord-1": "dead_lettered"})
    assert (tracked.waiting("email"), tracked.given_up("email"), tracked.oldest("email")) == (
        [],
        1,
        None,
    )
    assert tracked.to_check("email") == ["ord-1"]
    tracked.redriven("email", "ord-1")
    assert (tracked.waiting("email"), tracked.given_up("email")) == (["ord-1"], 0)


def test_orders_older_than_the_oldest_outbox_row_were_published() -> None:
    tracked = tracked_orders(1, 2, 3)
    assert tracked.published(an_order(3).placed_at) == ["ord-1", "ord-2"]
    assert tracked.published(an_order(3).placed_at) == []


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def light(tracked: TrackedOrders, status: ServiceStatus, judge: Judge | None = None) -> str:
    statuses = dict.fromkeys(SERVICES, status)
    return (judge or Judge()).judge(tracked, statuses, orders_age=0.5).light


def test_the_light_follows_the_orders() -> None:
    tracked = tracked_orders(1)
    assert light(tracked, AT_WORK) == "working"
    tracked.ended("email", {"ord-1": "applied"})
    tracked.ended("sms", {"ord-1": "dead_lettered"})
    assert light(tracked, IDLE) == "attention"
    tracked.ended("sms", {"ord-1": "applied"})
    assert light(tracked, IDLE) == "done"


def test_an_order_is_missing_after_a_quiet_time_if_no_service_has_it() -> None:
    clock = Clock()
    tracked, judge = tracked_orders(1), Judge(clock)
    tracked.ended("email", {"ord-1": "applied"})
    assert light(tracked, IDLE, judge) == "working"
    clock.now += QUIET_SECONDS / 2
    assert light(tracked, AT_WORK, judge) == "working"
    clock.now += QUIET_SECONDS
    assert light(tracked, IDLE, judge) == "working"
    clock.now += QUIET_SECONDS
    verdict = judge.judge(tracked, dict.fromkeys(SERVICES, IDLE), orders_age=0.5)
    assert (verdict.light, dict(verdict.missing)) == ("missing", {"sms": 1})


@pytest.mark.parametrize("age", [None, STALE_SECONDS + 1])
def test_nothing_is_claimed_with_missing_or_old_responses(age: float | None) -> None:
    tracked = tracked_orders()
    assert light(tracked, ServiceStatus(idle=True, inbox_age=age)) == "unknown"
    verdict = Judge().judge(tracked, dict.fromkeys(SERVICES, IDLE), orders_age=age)
    assert (verdict.light, verdict.unknown) == ("unknown", ("order",))


def test_the_verdict_has_its_number_of_orders_and_its_age() -> None:
    tracked = tracked_orders(1, 2)
    tracked.add([an_order(3, status="completed")])
    statuses = {"email": ServiceStatus(True, 2.5), "sms": ServiceStatus(True, 0.5)}
    verdict = Judge().judge(tracked, statuses, orders_age=1.0)
    assert (verdict.orders, verdict.done, verdict.by_calls) == (2, 0, 1)
    assert (verdict.checked_seconds_ago, verdict.oldest_placed_at) == (2.5, an_order(1).placed_at)
