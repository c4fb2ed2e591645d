"""Statistics of a few measured values, with confidence intervals."""

import math
import statistics
from collections.abc import Sequence

from orderctl.compare.results import Share, Spread

#: With fewer values, the percentile is no better than the maximum.
VALUES_FOR_P95 = 20
VALUES_FOR_P99 = 500
#: The normal quantile of a 95 % confidence interval.
Z = 1.96


def spread(values: Sequence[float]) -> Spread | None:
    """None if there are no values."""
    if not values:
        return None
    ordered = sorted(values)
    number = len(ordered)
    below = _below_the_median(number)
    return Spread(
        n=number,
        p50=statistics.median(ordered),
        p50_low=ordered[below],
        p50_high=ordered[-1 - below],
        p95=percentile(ordered, 0.95) if number >= VALUES_FOR_P95 else None,
        p99=percentile(ordered, 0.99) if number >= VALUES_FOR_P99 else None,
        max=ordered[-1],
    )


def percentile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that is not below this share of all values (nearest rank)."""
    return ordered[math.ceil(part * len(ordered)) - 1]


def _below_the_median(number: int) -> int:
    """How many of the smallest values lie outside the 95 % confidence interval of the median.

    Each value is below the true median with probability 1/2, so their number is binomial,
    whatever the distribution of the values. With fewer than six values, it is 0.
    """
    outside, probability = -1, 0.0
    while probability <= 0.025 and outside + 1 <= number // 2:
        outside += 1
        probability += math.comb(number, outside) / 2**number
    return max(0, outside - 1)


def share(part: int, of: int) -> Share:
    """A share with its interval after Wilson (1927), which also works for none and for all."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    p, z2 = part / of, Z * Z
    centre = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = Z / (1 + z2 / of) * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of))
    return Share(part, of, max(0.0, centre - half), min(1.0, centre + half))
