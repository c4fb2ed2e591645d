"""Draws the response times: one dot per response, on a logarithmic axis."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from orderctl.compare.charts.canvas import clear_y, sheet
from orderctl.compare.charts.style import INK, MODE_STYLES
from orderctl.compare.results import ModeResult, ScenarioResult
from orderctl.output import printable, seconds

TITLE = "How long customers wait for a response"
#: The share of a row's height that the densest group of dots may take, to each side.
SPREAD = 0.26
#: Dots closer than this, in powers of ten, are drawn side by side.
NEAR = 0.04


def response_times(scenarios: Sequence[ScenarioResult], footer: str) -> Figure:
    """One panel per scenario, in two columns, all with the same axis."""
    columns = min(2, len(scenarios))
    rows = math.ceil(len(scenarios) / columns)
    figure = sheet(TITLE, f"{FOOTNOTE}\n{footer}", height=1.6 + 2.2 * rows)
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False).flatten()
    for axes, scenario in zip(panels, scenarios, strict=False):
        _draw(axes, scenario)
    for axes in panels[len(scenarios) :]:
        axes.remove()
    _set_axis(panels[0], [t for each in scenarios for mode in each.modes for t in _times(mode)])
    return figure


FOOTNOTE = (
    "A dot is an order: filled if it was placed, hollow if not. The small triangle is the median."
)


def answers(result: ModeResult, *, succeeded: bool) -> list[float]:
    """Response times in seconds of placed or of failed orders; orders without one are left out."""
    return [
        order.seconds
        for order in result.orders
        if order.status is not None and order.succeeded is succeeded
    ]


def _times(result: ModeResult) -> list[float]:
    return answers(result, succeeded=True) + answers(result, succeeded=False)


def _draw(axes: Axes, scenario: ScenarioResult) -> None:
    for row, result in enumerate(scenario.modes):
        _draw_mode(axes, row, result)
    axes.set_yticks(range(len(scenario.modes)), [result.mode for result in scenario.modes])
    for label, result in zip(axes.get_yticklabels(), scenario.modes, strict=True):
        label.set(color=MODE_STYLES[result.mode].ink, fontweight="bold")
    axes.set_ylim(len(scenario.modes) - 0.6, -0.75)
    axes.set_title(printable(scenario.title), fontweight="bold")
    axes.tick_params(axis="x", labelbottom=True)
    clear_y(axes)


def _draw_mode(axes: Axes, row: int, result: ModeResult) -> None:
    mode = MODE_STYLES[result.mode]
    times = np.array(_times(result))
    rows = row + _beside(times)
    placed = len(answers(result, succeeded=True))
    style: dict[str, Any] = {
        "s": 15,
        "marker": mode.marker,
        "edgecolors": mode.colour,
        "linewidths": 0.8,
    }
    axes.scatter(times[:placed], rows[:placed], facecolors=mode.colour, alpha=0.55, **style)
    axes.scatter(times[placed:], rows[placed:], facecolors="white", **style)
    if result.response:
        _draw_median(axes, row, result.response.p50)


def _draw_median(axes: Axes, row: int, median: float) -> None:
    """Draw the median above the dots, since a line through them would hide some."""
    axes.plot([median], [row - 0.35], marker="v", markersize=5, color=INK, zorder=4)
    text: dict[str, Any] = {"va": "center", "fontweight": "bold", "fontsize": 11}
    axes.text(median, row - 0.52, seconds(median), ha="center", color=INK, **text)


def _beside(times: np.ndarray) -> np.ndarray:
    """The offset of each dot from the middle of its row, so that dense groups stay visible."""
    places = np.zeros(len(times))
    if not len(times):
        return places
    bins = np.floor(np.log10(np.maximum(times, 1e-6)) / NEAR)
    crowd = max(np.unique(bins, return_counts=True)[1].max(), 12)
    for each in np.unique(bins):
        there = np.flatnonzero(bins == each)
        places[there] = (np.arange(len(there)) - (len(there) - 1) / 2) * 2 * SPREAD / crowd
    return places


def _set_axis(axes: Axes, times: Sequence[float]) -> None:
    """Whole powers of ten with readable labels. All panels share this axis."""
    low, high = (min(times), max(times)) if times else (0.01, 1.0)
    axes.set_xscale("log")
    axes.set_xlim(10 ** math.floor(math.log10(max(low, 1e-4))), max(high, 1e-3) * 2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _named(value)))
    axes.xaxis.set_minor_locator(NullLocator())


def _named(value: float) -> str:
    return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"
