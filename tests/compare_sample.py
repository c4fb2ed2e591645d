"""A fixed comparison that looks like a measured one, and smaller ones for single tests."""

import math
import random
import statistics
from collections.abc import Sequence
from typing import Any

import msgspec

from orderctl.compare.results import (
    MODES,
    Bar,
    Comparison,
    Machine,
    Mode,
    ModeResult,
    ModeRun,
    Moment,
    OrderResult,
    Sample,
    ScenarioResult,
    Share,
    Spread,
    Waterfall,
)

#: Seconds until the response, and their spread.
ANSWERS: dict[Mode, tuple[float, float]] = {
    "sync": (3.53, 0.01),
    "parallel": (2.02, 0.01),
    "async": (0.009, 0.35),
}
SCENARIOS = {
    "healthy": ("All is well", "Every service does its work at its usual pace."),
    "email-slow": ("Email is slow", "Each email takes 3 s longer, as on a busy mail server."),
    "email-down": ("Email is down", "The email service is down for 10 s while orders arrive."),
    "sms-failing": ("SMS fails 20 %", "One attempt in five to send a text fails."),
    "inventory-crash": ("Inventory crashes", "The inventory process is killed and comes back."),
    "burst": ("Ten times the orders", "For a moment, orders come in at ten times the rate."),
}
#: The number of orders out of ten that fail when services are called.
FAILING = {"email-down": 10, "sms-failing": 2, "inventory-crash": 1, "burst": 6}


def sample(**changes: Any) -> Comparison:
    """All scenarios in all modes, with typical figures; `changes` replace fields."""
    dice = random.Random(6)
    measured = Comparison(
        began_at="2026-03-14T09:26:53+00:00",
        seconds=252.4,
        machine=Machine("Linux 6.1.0 x86_64", "Example CPU 3 GHz", 2, "3.11.7"),
        broker="embedded",
        command="orderctl compare",
        scenarios=tuple(a_scenario(name, dice=dice) for name in SCENARIOS),
        waterfalls=waterfalls(),
        speedup=391.7,
        audit="Every service did its part exactly once for each of 812 accepted orders.",
        is_clean=True,
    )
    return msgspec.structs.replace(measured, **changes)


def waterfalls() -> tuple[Waterfall, ...]:
    work = {"email": 2.004, "sms": 1.006, "inventory": 0.507, "analytics": 0.004}
    turns = [sum(list(work.values())[:place]) for place in range(len(work))]
    in_turn = (Bar(who, turn, work[who]) for who, turn in zip(work, turns, strict=True))
    at_once = (Bar(who, 0.002, work[who]) for who in work)
    afterwards = (Bar(who, 0.031, work[who]) for who in work)
    return (
        Waterfall("sync", 3.528, tuple(in_turn)),
        Waterfall("parallel", 2.011, tuple(at_once)),
        Waterfall("async", 0.0092, tuple(afterwards)),
    )


def a_scenario(
    name: str, modes: Sequence[Mode] = MODES, *, dice: random.Random | None = None
) -> ScenarioResult:
    dice = dice or random.Random(name)
    title, story = SCENARIOS[name]
    results = tuple(a_mode(mode, some_orders(mode, name, dice=dice)) for mode in modes)
    runs = (outage(),) if name == "email-down" and "async" in modes else ()
    return ScenarioResult(name, title, story, 5.0, results, runs)


def some_orders(mode: Mode, name: str, *, dice: random.Random) -> list[OrderResult]:
    number = 520 if (mode, name) == ("async", "healthy") else 40
    failing = 0 if mode == "async" else FAILING.get(name, 0)
    middle, scatter = ANSWERS[mode]
    slower = 3.0 if name == "email-slow" and mode != "async" else 0.0
    times = [middle * math.exp(dice.gauss(0, scatter)) + slower for _ in range(number)]
    return [
        an_order(place, time, fails=place % 10 < failing, mode=mode)
        for place, time in enumerate(times)
    ]


def an_order(place: int, seconds: float, *, fails: bool = False, mode: Mode) -> OrderResult:
    due = place / 5
    if fails:
        reason = "email answered 503 Service Unavailable: it is down"
        return OrderResult(due, seconds / 3, 502, f"ord-{place}", "email", reason)
    status = 202 if mode == "async" else 201
    return OrderResult(due, seconds, status, f"ord-{place}", visible=max(seconds, 2.05))


def a_mode(mode: Mode, orders: Sequence[OrderResult], **counts: int) -> ModeResult:
    """`counts` as in ModeResult; missing ones are 0."""
    succeeded = sum(order.succeeded for order in orders)
    return ModeResult(
        mode=mode,
        success=a_share(succeeded, len(orders)),
        response=a_spread([order.seconds for order in orders if order.succeeded]),
        failed_after=a_spread([order.seconds for order in orders if not order.succeeded]),
        visible=a_spread([order.visible for order in orders if order.visible is not None]),
        orders=tuple(orders),
        lost=counts.get("lost", 0),
        half_done=counts.get("half_done", 0),
        mails_for_failed=counts.get("mails_for_failed", 0),
        twice=counts.get("twice", 0),
        dead_lettered=counts.get("dead_lettered", 0),
    )


def a_share(part: int, of: int) -> Share:
    """A share with an approximate interval: these tests check the display, not the statistics."""
    value = part / of if of else 0.0
    return Share(part, of, max(0.0, value - 0.09), min(1.0, value + 0.09))


def a_spread(times: Sequence[float]) -> Spread | None:
    if not times:
        return None
    ordered, n = sorted(times), len(times)
    middle = statistics.median(ordered)
    p95 = ordered[int(n * 0.95)] if n >= 20 else None
    p99 = ordered[int(n * 0.99)] if n >= 500 else None
    return Spread(n, middle, ordered[n * 2 // 5], ordered[n * 3 // 5], p95, p99, ordered[-1])


def outage() -> ModeRun:
    """Email is down from 3 s to 13 s while orders arrive; then its queue drains."""
    moments = (
        Moment(3.0, "email goes down"),
        Moment(13.0, "email is back"),
        Moment(16.0, "the last order was placed"),
        Moment(26.5, "all is done"),
    )
    samples = tuple(_waiting_at(at / 2) for at in range(57))
    return ModeRun("async", moments, samples)


def _waiting_at(at: float) -> Sample:
    filled = min(max(at - 3, 0) * 5, 50) + 2 * (at < 16)
    drained = max(at - 13, 0) * 4.0
    email = max(round(filled - drained), 0)
    busy = int(at < 16)
    return Sample(at, {"email": email, "sms": 3 * busy, "inventory": 2 * busy, "analytics": busy})
