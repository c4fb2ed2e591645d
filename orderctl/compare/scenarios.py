"""The scenarios: when orders come, and what is done to the shop meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Orders a second, in ordinary times.
RATE = 3.0
ORDERS = 20
#: A burst is so many times the usual rate, for so many seconds, with as many before and after.
BURST_TIMES = 10
BURST_SECONDS = 2.0
#: How much longer than usual an email takes, when it is slow.
SLOW_SECONDS = 4.0
#: How long email stays down after the last order: long enough for a picture of the queue.
STILL_DOWN_SECONDS = 3.0


@dataclass(frozen=True)
class Action:
    """A fault that is asked for of a service, `at` seconds from the first order."""

    at: float
    service: str
    fault: Mapping[str, Any]
    what: str


@dataclass(frozen=True)
class Scenario:
    """`schedule`: when each order is due, in seconds. `before` is asked for before the first one,
    and cleared `linger` seconds after the last answer.
    """

    name: str
    title: str
    story: str
    schedule: Sequence[float]
    rate: float
    before: Sequence[Action] = ()
    meanwhile: Sequence[Action] = ()
    linger: float = 0.0


@dataclass(frozen=True)
class Size:
    """How many orders, how many a second, and by what all times are multiplied."""

    orders: int = ORDERS
    rate: float = RATE
    scale: float = 1.0


def steady(orders: int, rate: float) -> list[float]:
    return [number / rate for number in range(orders)]


def burst(rate: float, seconds: float, times: int) -> list[float]:
    """The usual rate, then `times` as much, then the usual one again, for so many seconds each."""
    usual, busy = round(rate * seconds), round(rate * times * seconds)
    before = steady(usual, rate)
    during = [seconds + at for at in steady(busy, rate * times)]
    return before + during + [2 * seconds + at for at in before]


def scenarios(size: Size) -> Sequence[Scenario]:
    """All of them, in the order in which they are told."""
    schedule = steady(size.orders, size.rate)
    return [
        Scenario(
            "healthy",
            "All is well",
            "Every service does its work. The only question is who waits for it.",
            schedule,
            size.rate,
        ),
        _email_slow(schedule, size),
        _email_down(schedule, size),
        Scenario(
            "sms-failing",
            "SMS fails one time in five",
            "One call in five to the SMS service fails, as calls do. Called in turn, that fails "
            "the order, and the customer holds an email about it; a message is tried again.",
            schedule,
            size.rate,
            before=[Action(0.0, "sms", {"failures": 0.2}, "SMS fails one time in five")],
        ),
        _inventory_crashes(schedule, size),
        _burst(size),
    ]


def _email_slow(schedule: Sequence[float], size: Size) -> Scenario:
    more = SLOW_SECONDS * size.scale
    what = f"an email takes {more:g} s longer"
    return Scenario(
        "email-slow",
        "Email is slow",
        f"Each email takes {more:g} s longer than usual. Nothing fails; somebody waits.",
        schedule,
        size.rate,
        before=[Action(0.0, "email", {"latency": f"{more:g}"}, what)],
    )


def _email_down(schedule: Sequence[float], size: Size) -> Scenario:
    return Scenario(
        "email-down",
        "Email is down",
        "The email service is away while all of these orders are placed, and comes back "
        f"{STILL_DOWN_SECONDS * size.scale:g} s after the last answer.",
        schedule,
        size.rate,
        before=[Action(0.0, "email", {"outage": True}, "email goes down")],
        linger=STILL_DOWN_SECONDS * size.scale,
    )


def _inventory_crashes(schedule: Sequence[float], size: Size) -> Scenario:
    length = schedule[-1]
    crashes = [
        Action(length * 0.25, "inventory", {"crash": "after"}, "inventory crashes after its work"),
        Action(length * 0.6, "inventory", {"crash": "before"}, "inventory crashes before its work"),
    ]
    return Scenario(
        "inventory-crash",
        "Inventory crashes twice",
        "The inventory process is killed at an order, once after its work is in the database "
        "and once before it, and is started again each time.",
        schedule,
        size.rate,
        meanwhile=crashes,
    )


def _burst(size: Size) -> Scenario:
    seconds = BURST_SECONDS
    return Scenario(
        "burst",
        f"{BURST_TIMES} times as many orders",
        f"For {seconds:g} s, {size.rate * BURST_TIMES:g} orders a second come in place of "
        f"{size.rate:g}. An order that is done by calls holds a thread for as long as it takes, "
        "and there are only so many.",
        burst(size.rate, seconds, BURST_TIMES),
        size.rate,
    )
