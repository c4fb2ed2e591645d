"""Measures the sides of a comparison in alternating rounds, and compares their medians."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

T = TypeVar("T")

#: Shows the progress of a benchmark.
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RoundSpread:
    """The median of several rounds, with the lowest and the highest of them."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> RoundSpread:
    return RoundSpread(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit for a row's ratio to the yardstick, or for our own figure."""

    limit: float
    of_ratio: bool = True
    at_least: bool = True

    def is_met(self, row: "RoundRow") -> bool:
        judged = row.ratio if self.of_ratio else row.ours
        if judged is None:
            raise ValueError(f"{row.name} is judged by a ratio, and has no yardstick")
        figure = judged.median
        return figure >= self.limit if self.at_least else figure <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRow:
    """One comparison: figures in `unit`, and the ratios, each taken within one round.

    `yardstick` and `target` are optional: a row without a target is only shown.
    """

    name: str
    unit: str
    ours: RoundSpread
    yardstick: str = ""
    theirs: RoundSpread | None = None
    ratio: RoundSpread | None = None
    target: Goal | None = None

    @property
    def is_met(self) -> bool:
        return self.target is None or self.target.is_met(self)


def compare(
    name: str,
    yardstick: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    target: Goal | None,
    unit: str = "/s",
) -> RoundRow:
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return RoundRow(
        name=name,
        yardstick=yardstick,
        unit=unit,
        ours=spread(ours),
        theirs=spread(theirs),
        ratio=spread(ratios),
        target=target,
    )


def alone(name: str, ours: Sequence[float], target: Goal | None, unit: str) -> RoundRow:
    """A figure without a yardstick."""
    return RoundRow(name=name, unit=unit, ours=spread(ours), target=target)


def alternate(
    rounds: int, sides: Sequence[Callable[[], T]], tell: Tell, show: Callable[[T], str]
) -> list[list[T]]:
    """Measure A B A B …, so that a machine that becomes slower does so for every side.

    Returns the figures of each side, by round.
    """
    figures: list[list[T]] = [[] for _ in sides]
    for number in range(1, rounds + 1):
        for side, found in zip(sides, figures, strict=True):
            found.append(side())
        tell(f"round {number} of {rounds}: " + ", ".join(show(found[-1]) for found in figures))
    return figures


def per_second(rate: float) -> str:
    return f"{rate:,.0f}/s"
