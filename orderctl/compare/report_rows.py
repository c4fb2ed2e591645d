"""The report's tables: one row per figure, one column per mode."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orderctl.compare import formatting
from orderctl.compare.results import ModeResult, ScenarioResult
from orderctl.output import printable

#: The most reasons for failures that are shown, by frequency.
REASONS = 20


class Cell(NamedTuple):
    """`note`: small text below; `is_bad`: marks a figure that should be 0."""

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
    """The reasons of failed orders, most frequent first."""
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
    ("Placed", "of orders sent, with 95 % interval", _placed),
    ("Response, median", "of placed orders, with 95 % interval", _median),
    ("Response, p95", "needs 20 orders", _p95),
    ("Response, p99", "needs 500 orders, otherwise the maximum", _tail),
    ("Failure, median", "of orders not placed", _failed),
    ("All effects applied, median", "since the order was due", _visible),
    ("All effects applied, max", "", _visible_max),
    ("Lost", "accepted, but an effect is missing", _count(lambda result: result.lost)),
    (
        "Half done",
        "not placed, but with an effect",
        _count(lambda result: result.half_done),
    ),
    (
        "Emails about failed orders",
        "contradicting the response",
        _count(lambda result: result.mails_for_failed),
    ),
    (
        "Dead-lettered",
        "an operator has to redrive them",
        _count(lambda result: result.dead_lettered),
    ),
    ("Duplicated", "effects applied more than once", _count(lambda result: result.twice)),
)
