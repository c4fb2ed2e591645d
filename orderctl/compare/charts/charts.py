"""The pictures of a comparison: which there are, and what each shows to who cannot see it."""

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from orderctl.compare.charts import backlog as plot_backlog
from orderctl.compare.charts import canvas
from orderctl.compare.charts import response_times as plot_times
from orderctl.compare.charts import success as plot_success
from orderctl.compare.charts import timeline as plot_timeline
from orderctl.compare.formatting import joined, median, number, percent
from orderctl.compare.results import Comparison, ModeRun, ScenarioResult, Waterfall
from orderctl.output import printable, seconds


@dataclass(frozen=True)
class Picture:
    """`name` is that of its file, without an ending. `alt` says in words what it shows, and
    `caption` how to read it.
    """

    name: str
    title: str
    alt: str
    caption: str
    figure: Figure

    def png(self) -> bytes:
        return canvas.png(self.figure)

    def svg(self) -> str:
        return canvas.svg(self.figure, name=self.name, title=self.title, alt=self.alt)


#: All that there may be; which there are depends on what was run.
NAMES = ("timeline", "response-times", "backlog", "success")


TIMELINE = (
    "One order in each mode, as it was measured. The dark bar is the customer's wait; the services "
    "do the same work either way, and only in async nobody waits for it."
)
TIMES = (
    "One dot for each order. The axis is logarithmic, from milliseconds to seconds: each line is "
    "ten times as long as the one before."
)
BACKLOG = (
    "How many events wait for each service. No order fails: what waits is done as soon as the "
    "service can, and the customers had their answers long before."
)
SUCCESS = "How many of the orders that customers sent were placed. What was not, failed."


def draw(comparison: Comparison) -> list[Picture]:
    """Those of NAMES for which something was measured."""
    with canvas.styled():
        return list(_pictures(comparison, source(comparison)))


def source(comparison: Comparison) -> str:
    """Where the figures come from, in a line: the machine, the broker, the day."""
    machine = comparison.machine
    parts = (
        f"{machine.processor}, {machine.cores} cores",
        machine.system,
        f"Python {machine.python}",
        f"{comparison.broker} broker",
        comparison.began_at[:10],
    )
    return printable(" · ".join(parts))


def _pictures(comparison: Comparison, footer: str) -> Iterator[Picture]:
    scenarios = [scenario for scenario in comparison.scenarios if scenario.modes]
    if waterfalls := comparison.waterfalls:
        alt = " ".join(map(_told, waterfalls))
        figure = plot_timeline.timeline(waterfalls, footer)
        yield Picture("timeline", plot_timeline.TITLE, alt, TIMELINE, figure)
    if scenarios:
        alt = " ".join(f"{each.title}: {_medians(each)}." for each in scenarios)
        figure = plot_times.response_times(scenarios, footer)
        yield Picture("response-times", plot_times.TITLE, f"Median answers. {alt}", TIMES, figure)
    if found := plot_backlog.worth_showing(scenarios):
        figure = plot_backlog.backlog(*found, footer)
        title, alt = plot_backlog.title(found[0]), _backlog_told(found[1])
        yield Picture("backlog", title, alt, BACKLOG, figure)
    if scenarios:
        alt = " ".join(f"{each.title}: {_shares(each)}." for each in scenarios)
        figure = plot_success.success(scenarios, footer)
        yield Picture("success", plot_success.TITLE, f"Orders placed. {alt}", SUCCESS, figure)


def _told(waterfall: Waterfall) -> str:
    bars = [
        f"{bar.who} {seconds(bar.start)} to {seconds(bar.start + bar.seconds)}"
        for bar in waterfall.bars
    ]
    answer = f"answered after {seconds(waterfall.answered)}"
    return f"{waterfall.mode}: {'; '.join([answer, *bars])}."


def _medians(scenario: ScenarioResult) -> str:
    return joined([f"{result.mode} {median(result.response)}" for result in scenario.modes])


def _shares(scenario: ScenarioResult) -> str:
    return joined([f"{result.mode} {percent(result.success)}" for result in scenario.modes])


def _backlog_told(run: ModeRun) -> str:
    peaks = [
        f"{name} {number(plot_backlog.peak(run, name))}" for name in plot_backlog.services(run)
    ]
    moments = "; ".join(f"after {moment.at:.0f} s: {moment.what}" for moment in run.moments)
    return f"Most events that waited for each service: {joined(peaks)}. {moments}"
