"""Prints a comparison: one row per scenario and mode, and a summary."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderctl.compare import formatting
from orderctl.compare.results import Comparison, ModeResult, ScenarioResult
from orderctl.compare.summary import lesson, outage, verdict
from orderctl.output import printable, table

#: Abbreviated to fit into 120 columns; the report has the full names.
COLUMNS = (
    *("orders", "placed", "95% interval", "p50", "p95", "p99 or max", "all done", "at most"),
    *("lost", "half done", "emails, failed", "dead letters", "twice"),
)


def print_comparison(comparison: Comparison, console: Console) -> None:
    console.print(comparison_table(comparison))
    console.print()
    for line in filter(None, (lesson(comparison), outage(comparison))):
        console.print(Text(printable(line)))
    style = "bold green" if comparison.is_clean else "bold red"
    console.print(Text(printable(verdict(comparison)), style=style))


def comparison_table(comparison: Comparison) -> Table:
    made = table("scenario", "mode", *COLUMNS, numbers=COLUMNS)
    made.padding = (0, 1, 0, 0)
    for column in made.columns[2:]:
        # A heading of two words takes two lines rather than a wider column.
        column.header = Text(str(column.header).replace(" ", "\n"))
    for scenario in comparison.scenarios:
        for cells in _rows(scenario):
            made.add_row(*map(Text, cells))
        made.add_row()
    return made


def _rows(scenario: ScenarioResult) -> Iterator[tuple[str, ...]]:
    for place, result in enumerate(scenario.modes):
        title = printable(scenario.title) if place == 0 else ""
        yield (title, result.mode, *_cells(result))


def _cells(result: ModeResult) -> Iterator[str]:
    yield formatting.number(result.success.of)
    yield formatting.percent(result.success)
    yield formatting.percent_interval(result.success)
    yield formatting.median(result.response)
    yield formatting.p95(result.response)
    yield formatting.tail(result.response)
    yield formatting.median(result.visible)
    yield formatting.longest(result.visible)
    for count in (result.lost, result.half_done, result.mails_for_failed):
        yield formatting.number(count)
    yield formatting.number(result.dead_lettered)
    yield formatting.number(result.twice)
