"""Draws the timeline of one order in each mode: the services' work and the customer's wait."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orderctl.compare.charts.canvas import clear_y, sheet
from orderctl.compare.charts.style import INK, MODE_STYLES, QUIET
from orderctl.compare.results import Bar, Waterfall
from orderctl.output import printable, seconds

TITLE = "One order, and how long its customer waits"
#: The thickness of a bar, as a share of the row's height.
THICK = 0.66


def timeline(waterfalls: Sequence[Waterfall], footer: str) -> Figure:
    """One panel per waterfall, with a common time axis."""
    rows = [len(workers(waterfall)) + 1.6 for waterfall in waterfalls]
    figure = sheet(TITLE, footer, height=1.5 + 0.36 * sum(rows))
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=rows)[:, 0]
    end = max(_end(waterfall) for waterfall in waterfalls)
    for axes, waterfall in zip(panels, waterfalls, strict=True):
        _draw(axes, waterfall, end)
    panels[-1].set_xlabel("seconds since the request")
    return figure


def workers(waterfall: Waterfall) -> list[str]:
    """The distinct workers, in the order in which they began."""
    return list(dict.fromkeys(bar.who for bar in sorted(waterfall.bars, key=_began)))


def _began(bar: Bar) -> float:
    return bar.start


def _end(waterfall: Waterfall) -> float:
    return max([waterfall.answered, *(bar.start + bar.seconds for bar in waterfall.bars)])


def _draw(axes: Axes, waterfall: Waterfall, end: float) -> None:
    style, names = MODE_STYLES[waterfall.mode], workers(waterfall)
    _draw_customer(axes, waterfall, end)
    for bar in waterfall.bars:
        row = names.index(bar.who) + 1
        axes.barh(row, bar.seconds, THICK, left=bar.start, color=style.colour, hatch=style.hatch)
        _say(axes, bar.start + bar.seconds, row, seconds(bar.seconds), end, QUIET)
    axes.set_yticks(range(len(names) + 1), ["customer", *map(printable, names)])
    axes.set_ylim(len(names) + 0.6, -0.6)
    axes.set_xlim(0, end * 1.1)
    # The mark of an immediate response must not cover a label.
    axes.tick_params(axis="y", pad=12)
    axes.set_title(f"{waterfall.mode}: {style.label}", color=style.ink, fontweight="bold")
    clear_y(axes)


def _draw_customer(axes: Axes, waterfall: Waterfall, end: float) -> None:
    """The wait as a bar, and the response as a mark that is visible after a few milliseconds."""
    answered = waterfall.answered
    axes.barh(0, answered, THICK * 0.45, color=INK)
    axes.axvline(answered, color=INK, linewidth=1.2, linestyle=(0, (2, 2)), zorder=3)
    axes.plot([answered], [0], marker="D", markersize=9, color=INK, clip_on=False, zorder=4)
    _say(axes, answered + end * 0.006, 0, f"response after {seconds(answered)}", end, INK)


def _say(axes: Axes, at: float, row: int, text: str, end: float, colour: str) -> None:
    """Write to the right of `at`, or in the customer's row above the bar if there is no room."""
    weight = "bold" if row == 0 else "normal"
    place = {"x": at, "ha": "left", "dx": 5.0, "dy": 0.0}
    if row == 0 and at > end * 0.8:
        place = {"x": at, "ha": "right", "dx": -12.0, "dy": 13.0}
    axes.annotate(
        text,
        (place["x"], row),
        (place["dx"], place["dy"]),
        textcoords="offset points",
        ha=place["ha"],
        va="center",
        color=colour,
        fontweight=weight,
        fontsize=11,
    )
