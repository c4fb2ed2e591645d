"""The pictures of a comparison, with their captions and text alternatives."""

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
    """`name`: its file name without the extension; `alt`: its content in words; `caption`: how to
    read it.
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


#: All possible pictures; which exist depends on the scenarios that were run.
NAMES = ("timeline", "response-times", "backlog", "success")


TIMELINE = (
    "One measured order in each mode. The dark bar is the customer's wait. The services do the "
    "same work in every mode, but only in async does the customer not wait for it."
)
TIMES = (
    "One dot for each order. The axis is logarithmic, from milliseconds to seconds: each line is "
    "ten times as long as the one before."
)
BACKLOG = (
    "The number of waiting events by service. No order fails: the service processes its waiting "
    "events as soon as it can, and the customers had their responses long before."
)
SUCCESS = "The share of all sent orders that were placed. The others failed."


def draw(comparison: Comparison) -> list[Picture]:
    """Those of NAMES for which something was measured."""
    with canvas.styled():
        return list(_pictures(comparison, source(comparison)))


def source(comparison: Comparison) -> str:
    """The source of the figures in one line: the machine, the broker, the date."""
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
        alt = " ".join(map(_described, waterfalls))
        figure = plot_timeline.timeline(waterfalls, footer)
        yield Picture("timeline", plot_timeline.TITLE, alt, TIMELINE, figure)
    if scenarios:
        alt = " ".join(f"{each.title}: {_medians(each)}." for each in scenarios)
        figure = plot_times.response_times(scenarios, footer)
        yield Picture("response-times", plot_times.TITLE, f"Medians. {alt}", TIMES, figure)
    if found := plot_backlog.worth_showing(scenarios):
        figure = plot_backlog.backlog(*found, footer)
        title, alt = plot_backlog.title(found[0]), _backlog_described(found[1])
        yield Picture("backlog", title, alt, BACKLOG, figure)
    if scenarios:
        alt = " ".join(f"{each.title}: {_shares(each)}." for each in scenarios)
        figure = plot_success.success(scenarios, footer)
        yield Picture("success", plot_success.TITLE, f"Orders placed. {alt}", SUCCESS, figure)


def _described(waterfall: Waterfall) -> str:
    bars = [
        f"{bar.who} {seconds(bar.start)} to {seconds(bar.start + bar.seconds)}"
        for bar in waterfall.bars
    ]
    response = f"response after {seconds(waterfall.answered)}"
    return f"{waterfall.mode}: {'; '.join([response, *bars])}."


def _medians(scenario: ScenarioResult) -> str:
    return joined([f"{result.mode} {median(result.response)}" for result in scenario.modes])


def _shares(scenario: ScenarioResult) -> str:
    return joined([f"{result.mode} {percent(result.success)}" for result in scenario.modes])


def _backlog_described(run: ModeRun) -> str:
    peaks = [
        f"{name} {number(plot_backlog.peak(run, name))}" for name in plot_backlog.services(run)
    ]
    moments = "; ".join(f"after {moment.at:.0f} s: {moment.what}" for moment in run.moments)
    return f"The largest backlog of each service: {joined(peaks)}. {moments}"
