"""The load test's report: one line per kind of request, the audit, and the verdict."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.outcome import REPORT, LoadOutcome
from loadtest.results import Line
from orderctl.audit import report as audit_report
from orderctl.output import printable, seconds, table


def print_outcome(outcome: LoadOutcome, console: Console) -> None:
    console.print(_table(outcome))
    console.print(Text(f"The complete report with charts: {outcome.plan.folder / REPORT}\n"))
    audit_report.print_report(outcome.audit, console)
    console.print(
        Text(_verdict(outcome), style="bold red" if outcome.exit_status else "bold green")
    )


def _table(outcome: LoadOutcome) -> Table:
    numbers = ("requests", "failures", "p50", "p95", "p99", "max")
    made = table("request", *numbers, numbers=numbers)
    for line in outcome.lines:
        made.add_row(*(Text(cell) for cell in _cells(line)))
    return made


def _cells(line: Line) -> list[str]:
    times = (line.percentile(50), line.percentile(95), line.p99, line.slowest)
    shown = ["-" if time is None else seconds(time / 1000) for time in times]
    return [printable(line.name), f"{line.requests:,}", f"{line.failures:,}", *shown]


def _verdict(outcome: LoadOutcome) -> str:
    return "\n".join(outcome.reasons()) or f"Passed, with {outcome.promised:,} orders placed."


def document(outcome: LoadOutcome) -> dict[str, Any]:
    """Times are in milliseconds; `p99` is null if there are too few requests."""
    return {
        "requests": [
            {
                "name": line.name,
                "requests": line.requests,
                "failures": line.failures,
                "p50": line.percentile(50),
                "p95": line.percentile(95),
                "p99": line.p99,
                "max": round(line.slowest, 1),
            }
            for line in outcome.lines
        ],
        "ordersPlaced": outcome.promised,
        "locustStatus": outcome.locust_status,
        "reasons": list(outcome.reasons()),
        "audit": audit_report.document(outcome.audit),
        "exitStatus": outcome.exit_status,
    }
