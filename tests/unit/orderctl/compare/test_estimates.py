"""Statistics of a few measured values, with confidence intervals."""

import math
import random

import pytest

from orderctl.compare.estimates import percentile, share, spread


def test_no_values_have_no_spread() -> None:
    assert spread([]) is None


def test_percentiles_need_enough_values_to_differ_from_the_maximum() -> None:
    few, some, many = (spread([float(n) for n in range(size)]) for size in (19, 499, 500))
    assert few
    assert some
    assert many
    assert (few.p95, few.p99, few.max) == (None, None, 18.0)
    assert (some.p95, some.p99) == (474.0, None)
    assert (many.p95, many.p99, many.max) == (474.0, 494.0, 499.0)


def test_a_percentile_is_the_nearest_rank() -> None:
    assert [percentile([1.0, 2.0, 3.0, 4.0], part) for part in (0.25, 0.5, 0.51, 1.0)] == [
        1,
        2,
        3,
        4,
    ]


@pytest.mark.parametrize(
    ("number", "low", "high"),
    [(1, 0, 0), (5, 0, 4), (6, 0, 5), (9, 1, 7), (20, 5, 14), (100, 39, 60)],
)
def test_the_medians_interval_equals_published_tables(number: int, low: int, high: int) -> None:
    """Ranks count from 0, as in tables for the sign test."""
    found = spread([float(n) for n in range(number)])
    assert found
    assert (found.p50_low, found.p50_high) == (low, high)


def test_the_interval_contains_the_true_median_as_often_as_stated() -> None:
    rng, holds, times = random.Random(7), 0, 2000
    for _ in range(times):
        found = spread([rng.expovariate(1.0) for _ in range(20)])
        assert found
        holds += found.p50_low <= math.log(2) <= found.p50_high
    # For 20 values the exact figure is 95.9 %.
    assert 0.945 < holds / times < 0.973


@pytest.mark.parametrize(
    ("part", "of", "low", "high"),
    [(0, 20, 0.0, 0.161), (20, 20, 0.839, 1.0), (16, 20, 0.584, 0.919), (0, 0, 0.0, 1.0)],
)
def test_a_share_has_the_wilson_interval(part: int, of: int, low: float, high: float) -> None:
    found = share(part, of)
    assert (found.part, found.of) == (part, of)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.001)
