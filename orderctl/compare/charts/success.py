"""Draws the share of orders that were placed, by scenario and mode, with its interval."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orderctl.compare.charts.canvas import clear_y, sheet
from orderctl.compare.charts.style import FAINT, MODE_STYLES, QUIET
from orderctl.compare.formatting import number, percent
from orderctl.compare.results import ModeResult, ScenarioResult
from orderctl.output import printable

TITLE = "How many orders are placed"
FOOTNOTE = "Share of all orders that customers sent. Lines: 95 % confidence interval."
#: Rows between one scenario and the next.
GAP = 1.35
#: The position of the figures beyond the axis, in percent.
FIGURES = 104


def success(scenarios: Sequence[ScenarioResult], footer: str) -> Figure:
    """One row per scenario and mode, on an axis from 0 to 100 %."""
    rows = sum(len(scenario.modes) + GAP for scenario in scenarios)
    figure = sheet(TITLE, f"{FOOTNOTE}\n{footer}", height=1.6 + 0.29 * rows)
    axes = figure.subplots()
    ticks: dict[float, ModeResult] = {}
    top = 0.0
    for scenario in scenarios:
        axes.text(0, top, printable(scenario.title), fontweight="bold", fontsize=13, va="center")
        for row, result in enumerate(scenario.modes, start=1):
            ticks[top + row] = result
            _draw(axes, top + row, result)
        top += len(scenario.modes) + GAP
    _set_axes(axes, ticks, bottom=top)
    return figure


def _draw(axes: Axes, row: float, result: ModeResult) -> None:
    style, share = MODE_STYLES[result.mode], result.success
    axes.plot([0, 100], [row, row], color=FAINT, linewidth=0.8, zorder=1)
    if share.of:
        interval = [share.low * 100, share.high * 100]
        axes.plot(interval, [row, row], color=style.colour, linewidth=5, alpha=0.4, zorder=2)
        point: dict[str, Any] = {"marker": style.marker, "markersize": 10, "color": style.colour}
        axes.plot([share.value * 100], [row], clip_on=False, zorder=3, **point)
    counts = f"{number(share.part)} of {number(share.of)}"
    axes.text(FIGURES, row, percent(share), va="center", fontweight="bold")
    axes.text(FIGURES + 10, row, counts, va="center", color=QUIET, fontsize=11)


def _set_axes(axes: Axes, ticks: dict[float, ModeResult], *, bottom: float) -> None:
    axes.set_yticks(list(ticks), [result.mode for result in ticks.values()])
    for label, result in zip(axes.get_yticklabels(), ticks.values(), strict=True):
        label.set(color=MODE_STYLES[result.mode].ink, fontweight="bold")
    axes.set_ylim(bottom - GAP + 0.6, -0.7)
    axes.set_xlim(-1.5, 128)
    axes.set_xticks(range(0, 101, 25), [f"{value} %" for value in range(0, 101, 25)])
    axes.spines["bottom"].set_visible(False)
    clear_y(axes)
