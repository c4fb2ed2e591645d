"""The evaluation and display of benchmark results."""

import pytest

from bench.report import document, markdown
from bench.rounds import Goal, RoundRow, alternate, compare
from bench.testbed import rate

RATIO = Goal(0.5)
LATENCY = Goal(15.0, of_ratio=False, at_least=False)


def row(ours: list[float], theirs: list[float], target: Goal = RATIO) -> RoundRow:
    return compare("ours", "theirs", ours, theirs, target)


def test_ratios_are_computed_within_each_round() -> None:
    # The machine was ten times slower in the second round, for both.
    ratio = row([50, 5, 60], [100, 10, 100]).ratio
    assert ratio is not None
    assert (ratio.median, ratio.low, ratio.high) == (0.5, 0.5, 0.6)


@pytest.mark.parametrize(
    ("made", "met"),
    [
        (row([50], [100]), True),
        (row([49], [100]), False),
        (row([15], [1], LATENCY), True),
        (row([15.1], [100], LATENCY), False),
    ],
)
def test_a_target_is_met_or_missed(made: RoundRow, met: bool) -> None:
    assert made.is_met is met
    assert document([made], {}, 1)["results"][0]["met"] is met
    assert ("**missed**" in markdown([made], {}, 1)) is not met


def test_the_sides_alternate() -> None:
    turns: list[str] = []

    def side(name: str) -> int:
        turns.append(name)
        return len(turns)

    said: list[str] = []
    figures = alternate(2, [lambda: side("a"), lambda: side("b")], said.append, str)
    assert turns == ["a", "b", "a", "b"]
    assert figures == [[1, 3], [2, 4]]
    assert said == ["round 1 of 2: 1, 2", "round 2 of 2: 3, 4"]


def test_a_rate_excludes_the_warm_up() -> None:
    batches = [0.0] * 10 + [1.0] * 10 + [2.0] * 10 + [3.0] * 10
    assert rate(batches, warm_up=10) == 10.0
    # A warm-up that ends within a batch is extended to the end of that batch.
    assert rate(batches, warm_up=11) == 10.0


def test_a_table_names_the_figures_and_the_machine() -> None:
    text = markdown([row([1234.4, 1234.4], [2000, 2468.8])], {"Python": "3.13.0"}, 2)
    [_, _, line, _, last] = text.splitlines()
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [
        "ours", "1,234/s", "theirs", "2,234/s", "0.56 (0.50 to 0.62)", "at least 0.5", "met",
    ]  # fmt: skip
    assert last == "Medians of 2 rounds. Python 3.13.0."
