"""The report's tables: a row for each figure, a column for each mode."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orderctl.compare import formatting
from orderctl.compare.results import ModeResult, ScenarioResult
from orderctl.output import printable

#: Of the failures' reasons so many are shown, the most frequent ones.
REASONS = 20


class Cell(NamedTuple):
    """`note` stands below in small; `is_bad` is for what should not have happened."""

    text: str
    note: str = ""
    is_bad: bool = False


class ReportRow(NamedTuple):
    label: str
    hint: str
    cells: Sequence[Cell]


class FailureRow(NamedTuple):
    mode: str
    stage: str
    reason: str
    orders: int


def rows(scenario: ScenarioResult) -> list[ReportRow]:
    return [
        ReportRow(label, hint, [cell(result) for result in scenario.modes])
        for label, hint, cell in ROWS
    ]


def failures(scenario: ScenarioResult) -> list[FailureRow]:
    """What failed orders, and how often, most frequent first."""
    counted = Counter(
        (result.mode, order.stage or formatting.NOTHING, order.reason or formatting.NOTHING)
        for result in scenario.modes
        for order in result.orders
        if not order.succeeded
    )
    return [
        FailureRow(mode, printable(stage), printable(reason), orders)
        for (mode, stage, reason), orders in counted.most_common()
    ]


def _orders(result: ModeResult) -> Cell:
    return Cell(formatting.number(result.success.of))


def _placed(result: ModeResult) -> Cell:
    return Cell(formatting.percent(result.success), formatting.percent_interval(result.success))


def _median(result: ModeResult) -> Cell:
    return Cell(formatting.median(result.response), formatting.median_interval(result.response))


def _p95(result: ModeResult) -> Cell:
    return Cell(formatting.p95(result.response))


def _tail(result: ModeResult) -> Cell:
    return Cell(formatting.tail(result.response))


def _failed(result: ModeResult) -> Cell:
    return Cell(formatting.median(result.failed_after))


def _visible(result: ModeResult) -> Cell:
    return Cell(formatting.median(result.visible))


def _visible_max(result: ModeResult) -> Cell:
    return Cell(formatting.longest(result.visible))


def _count(read: Callable[[ModeResult], int]) -> Callable[[ModeResult], Cell]:
    return lambda result: Cell(formatting.number(read(result)), is_bad=read(result) > 0)


ROWS: Sequence[tuple[str, str, Callable[[ModeResult], Cell]]] = (
    ("Orders sent", "", _orders),
    ("Placed", "of those sent, with its 95 % interval", _placed),
    ("Answer, median", "of those placed, with its 95 % interval", _median),
    ("Answer, p95", "from 20 orders on", _p95),
    ("Answer, p99", "from 500 orders on, else the maximum", _tail),
    ("Failure, median", "of those not placed", _failed),
    ("All effects there, median", "since the order was due", _visible),
    ("All effects there, max", "", _visible_max),
    ("Lost", "accepted, and an effect never came", _count(lambda result: result.lost)),
    (
        "Half done",
        "not placed, and yet an effect is there",
        _count(lambda result: result.half_done),
    ),
    (
        "Emails about failed orders",
        "the customer was told two things",
        _count(lambda result: result.mails_for_failed),
    ),
    ("Dead-lettered", "somebody has to redrive them", _count(lambda result: result.dead_lettered)),
    ("Done twice", "effects there more than once", _count(lambda result: result.twice)),
)
