"""Formats the figures as a Markdown table and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.rounds import Goal, RoundRow, RoundSpread

_HEADS = ("benchmark", "ours", "yardstick", "its figure", "ratio (lowest to highest)", "target", "")


def markdown(rows: Sequence[RoundRow], machine: Mapping[str, str], rounds: int) -> str:
    cells = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    lines = [_line(line, widths) for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    return "\n".join([*lines, "", f"Medians of {rounds} rounds. {facts}."])


def document(rows: Sequence[RoundRow], machine: Mapping[str, str], rounds: int) -> dict[str, Any]:
    results = [{**asdict(row), "met": row.is_met} for row in rows]
    return {"rounds": rounds, "machine": dict(machine), "results": results}


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _cells(row: RoundRow) -> tuple[str, ...]:
    return (
        row.name,
        _figure(row.ours.median) + row.unit,
        row.yardstick,
        _figure(row.theirs.median) + row.unit if row.theirs else "",
        _ratio(row.ratio) if row.ratio else "",
        _target(row.target, row.unit) if row.target else "",
        _verdict(row),
    )


def _verdict(row: RoundRow) -> str:
    if row.target is None:
        return ""
    return "met" if row.is_met else "**missed**"


def _ratio(ratio: RoundSpread) -> str:
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _target(target: Goal, unit: str) -> str:
    bound = "at least" if target.at_least else "at most"
    return f"{bound} {target.limit:g}{'' if target.of_ratio else unit}"
