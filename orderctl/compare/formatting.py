"""Formats measured figures for people."""

import math

from orderctl.compare.results import Share, Spread
from orderctl.output import seconds

#: Shown in place of a missing figure.
NOTHING = "-"


def percent(share: Share) -> str:
    """`97.5 %`. Only all is shown as 100 %, and only none as 0 %."""
    if not share.of:
        return NOTHING
    exact = share.value * 100
    shown = round(exact, 1) if share.part in (0, share.of) else min(max(exact, 0.1), 99.9)
    return f"{shown:.1f}".removesuffix(".0") + " %"


def percent_interval(share: Share) -> str:
    """`83-100 %`, rounded outwards, so that it contains the computed interval."""
    # Round to six digits first: 0.07 * 100 is 7.000000000000001, which would become 8.
    low, high = round(share.low * 100, 6), round(share.high * 100, 6)
    return f"{math.floor(low)}-{math.ceil(high)} %" if share.of else ""


def median(spread: Spread | None) -> str:
    return seconds(spread.p50) if spread else NOTHING


def median_interval(spread: Spread | None) -> str:
    return f"{seconds(spread.p50_low)} to {seconds(spread.p50_high)}" if spread else ""


def p95(spread: Spread | None) -> str:
    return NOTHING if spread is None or spread.p95 is None else seconds(spread.p95)


def p99(spread: Spread | None) -> str:
    return NOTHING if spread is None or spread.p99 is None else seconds(spread.p99)


def longest(spread: Spread | None) -> str:
    return seconds(spread.max) if spread else NOTHING


def tail(spread: Spread | None) -> str:
    """`p99 3.6 s`, or `max 3.6 s` if there are too few values for a p99."""
    if spread is None:
        return NOTHING
    return f"max {longest(spread)}" if spread.p99 is None else f"p99 {p99(spread)}"


def number(value: int) -> str:
    return f"{value:,}"


def times(factor: float) -> str:
    """`390 times`, `1.4 times`."""
    return f"{factor:,.0f} times" if factor >= 10 else f"{factor:.1f} times"


def duration(value: float) -> str:
    """`42 s`, `4 min 12 s`."""
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def joined(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
