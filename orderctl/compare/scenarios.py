"""The scenarios: the schedule of their orders and their faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The usual number of orders per second.
RATE = 3.0
ORDERS = 20
#: The rate of a burst, in multiples of the usual rate.
BURST_TIMES = 10
#: The length of a burst, and of the usual rate before and after it.
BURST_SECONDS = 2.0
#: The additional time of a slow email.
SLOW_SECONDS = 4.0
#: How long email stays down after the last order: long enough to be visible in the picture.
STILL_DOWN_SECONDS = 3.0


@dataclass(frozen=True)
class Action:
    """A fault to inject into a service, `at` seconds after the first order is due."""

    at: float
    service: str
    fault: Mapping[str, Any]
    what: str


@dataclass(frozen=True)
class Scenario:
    """`schedule`: when each order is due, in seconds.

    `before`: faults that start before the first order and are cleared `linger` seconds after the
    last response. `meanwhile`: faults during the orders.
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
    """The number of orders, the rate per second, and a factor for all simulated times."""

    orders: int = ORDERS
    rate: float = RATE
    scale: float = 1.0


def steady(orders: int, rate: float) -> list[float]:
    return [number / rate for number in range(orders)]


def burst(rate: float, seconds: float, times: int) -> list[float]:
    """The usual rate, then `times` that, then the usual one again, for `seconds` each."""
    usual, busy = round(rate * seconds), round(rate * times * seconds)
    before = steady(usual, rate)
    during = [seconds + at for at in steady(busy, rate * times)]
    return before + during + [2 * seconds + at for at in before]


def scenarios(size: Size) -> Sequence[Scenario]:
    """All scenarios, in the order of the report."""
    schedule = steady(size.orders, size.rate)
    return [
        Scenario(
            "healthy",
            "Healthy",
            "Every service works normally. The only question is who waits for it.",
            schedule,
            size.rate,
        ),
        _email_slow(schedule, size),
        _email_down(schedule, size),
        Scenario(
            "sms-failing",
            "One SMS in five fails",
            "One call in five to the SMS service fails. A failed synchronous call fails the whole "
            "order, although its email has already been sent; a failed message is retried.",
            schedule,
            size.rate,
            before=[Action(0.0, "sms", {"failures": 0.2}, "one SMS in five fails")],
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
        f"Each email takes {more:g} s longer than usual. Nothing fails, but someone has to wait.",
        schedule,
        size.rate,
        before=[Action(0.0, "email", {"latency": f"{more:g}"}, what)],
    )


def _email_down(schedule: Sequence[float], size: Size) -> Scenario:
    return Scenario(
        "email-down",
        "Email is down",
        "The email service is down while all of these orders are placed, and recovers "
        f"{STILL_DOWN_SECONDS * size.scale:g} s after the last response.",
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
        "The inventory process is killed twice while handling an order, once after committing its "
        "work and once before, and is restarted each time.",
        schedule,
        size.rate,
        meanwhile=crashes,
    )


def _burst(size: Size) -> Scenario:
    seconds = BURST_SECONDS
    return Scenario(
        "burst",
        f"{BURST_TIMES} times the load",
        f"For {seconds:g} s, {size.rate * BURST_TIMES:g} orders per second arrive instead of "
        f"{size.rate:g}. A synchronous order occupies a thread until it is done, and the number "
        "of threads is limited.",
        burst(size.rate, seconds, BURST_TIMES),
        size.rate,
    )
