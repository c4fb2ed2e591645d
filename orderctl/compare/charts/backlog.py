"""Draws each service's backlog while one service was down, and how it drained."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from orderctl.compare.charts.canvas import sheet
from orderctl.compare.charts.style import FAINT, INK, MODE_STYLES, QUIET
from orderctl.compare.formatting import joined, number
from orderctl.compare.results import ModeRun, Moment, ScenarioResult
from orderctl.output import printable

#: The scenario that shows it best, if it was run.
SHOWN = "email-down"
#: The space for labels above the highest backlog, as a share of its height.
ROOM = 0.36


def backlog(scenario: ScenarioResult, run: ModeRun, footer: str) -> Figure:
    """The service with the longest queue in colour, the others in grey."""
    figure = sheet(title(scenario), footer, height=5.0)
    axes = figure.subplots()
    names = services(run)
    for name in names[1:]:
        axes.plot(*_line(run, name), color=QUIET, linewidth=1.6, linestyle=(0, (4, 2)))
    _draw_longest(axes, run, names[0])
    axes.set_title(_others(run, names[1:]), color=QUIET, fontsize=11)
    top = max(peak(run, names[0]), 1)
    for place, moment in enumerate(run.moments):
        height = top * (1 + ROOM * (0.88 - 0.3 * (place % 3)))
        _draw_moment(axes, moment, height, _end(run))
    _set_axes(axes, run, top)
    return figure


def title(scenario: ScenarioResult) -> str:
    return f"How the backlog grows and drains: {printable(scenario.title)}"


def worth_showing(scenarios: Sequence[ScenarioResult]) -> tuple[ScenarioResult, ModeRun] | None:
    """The email outage, else the async run with the longest queue, if any was sampled."""
    runs = [(scenario, run) for scenario in scenarios for run in _sampled(scenario)]
    return max(runs, key=lambda each: (each[0].name == SHOWN, _highest(each[1])), default=None)


def _sampled(scenario: ScenarioResult) -> Iterator[ModeRun]:
    return (run for run in scenario.runs if run.mode == "async" and services(run))


def _highest(run: ModeRun) -> int:
    return peak(run, services(run)[0])


def services(run: ModeRun) -> list[str]:
    """The one with the longest queue first."""
    names = dict.fromkeys(name for sample in run.samples for name in sample.waiting)
    return sorted(names, key=lambda name: -peak(run, name))


def peak(run: ModeRun, name: str) -> int:
    return max(sample.waiting.get(name, 0) for sample in run.samples)


def _line(run: ModeRun, name: str) -> tuple[list[float], list[int]]:
    return [each.at for each in run.samples], [each.waiting.get(name, 0) for each in run.samples]


def _draw_longest(axes: Axes, run: ModeRun, name: str) -> None:
    style = MODE_STYLES[run.mode]
    times, waiting = _line(run, name)
    axes.fill_between(times, waiting, color=style.colour, alpha=0.14, linewidth=0)
    axes.plot(times, waiting, color=style.colour, linewidth=3)
    highest = waiting.index(max(waiting))
    axes.annotate(
        f"{printable(name)}: {number(waiting[highest])} waiting",
        (times[highest], waiting[highest]),
        (-12, 4),
        textcoords="offset points",
        ha="right",
        color=style.ink,
        fontweight="bold",
    )


def _others(run: ModeRun, names: Sequence[str]) -> str:
    """A text above the chart, since lines along the bottom leave no room for labels."""
    if not names:
        return ""
    most = max(peak(run, name) for name in names)
    named = joined([printable(name) for name in names])
    return f"Dashed, in grey: {named}, never more than {number(most)}"


def _draw_moment(axes: Axes, moment: Moment, height: float, end: float) -> None:
    is_late = moment.at > 0.85 * end
    axes.plot([moment.at] * 2, [0, height], color=INK, linewidth=1.1, linestyle=(0, (2, 2)))
    axes.annotate(
        printable(moment.what),
        (moment.at, height),
        (-5 if is_late else 5, 0),
        textcoords="offset points",
        ha="right" if is_late else "left",
        va="center",
        fontsize=11,
    )


def _end(run: ModeRun) -> float:
    return max(run.samples[-1].at, *(moment.at for moment in run.moments), 0.0)


def _set_axes(axes: Axes, run: ModeRun, top: float) -> None:
    axes.set_ylim(0, top * (1 + ROOM))
    axes.set_xlim(0, _end(run) or 1.0)
    axes.set_xlabel("seconds since the first order")
    axes.set_ylabel("waiting events")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.grid(visible=True, axis="y", linewidth=0.8, color=FAINT)
    axes.tick_params(length=0)
