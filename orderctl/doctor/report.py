"""The doctor's findings as a table and as a JSON document."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from orderctl.doctor.finding import Finding, Level
from orderctl.output import count, printable, table

_SHOWN = {Level.OK: "OK", Level.NOTE: "note", Level.WARNING: "warning", Level.PROBLEM: "problem"}


def number_of(findings: Sequence[Finding], level: Level) -> int:
    return sum(finding.level == level for finding in findings)


def exit_status(findings: Sequence[Finding]) -> int:
    """1 if there is a problem; warnings and notes do not count."""
    return int(number_of(findings, Level.PROBLEM) > 0)


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "problems": number_of(findings, Level.PROBLEM),
        "warnings": number_of(findings, Level.WARNING),
        "findings": findings,
    }


def print_report(findings: Sequence[Finding], console: Console) -> None:
    lines = table("", "checked", "seen", "what to do next")
    for finding in findings:
        cells = (_SHOWN[finding.level], finding.about, finding.saw, finding.next)
        lines.add_row(*map(printable, cells))
    console.print(lines)
    problems = count(number_of(findings, Level.PROBLEM), "problem")
    warnings = count(number_of(findings, Level.WARNING), "warning")
    console.print(f"\n{problems}, {warnings}")
