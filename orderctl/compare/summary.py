"""Summarises a comparison in sentences with its own figures."""

from orderctl.compare.charts.style import MODE_STYLES
from orderctl.compare.formatting import joined, median, percent, times
from orderctl.compare.results import Comparison, ModeResult, ScenarioResult


def lesson(comparison: Comparison) -> str:
    """How long customers waited in the healthy scenario, by mode."""
    healthy = scenario(comparison, "healthy")
    waits = [_wait(result) for result in healthy.modes if result.response] if healthy else []
    if not waits:
        return "The healthy scenario was not measured, so there is no baseline for comparison."
    faster = f", {times(comparison.speedup)} faster than sync" if comparison.speedup else ""
    began = "With all services healthy, the median response time was"
    return f"{began} {joined(waits)}{faster}."


def outage(comparison: Comparison) -> str:
    """How many orders were placed while email was down; "" if that was not measured."""
    down = scenario(comparison, "email-down")
    if not down or not down.modes:
        return ""
    placed = [f"{percent(result.success)} of the {result.mode} orders" for result in down.modes]
    return f"With email down, {joined(placed)} were placed."


def verdict(comparison: Comparison) -> str:
    return f"Audit: {comparison.audit}"


def scenario(comparison: Comparison, name: str) -> ScenarioResult | None:
    return next((each for each in comparison.scenarios if each.name == name), None)


def _wait(result: ModeResult) -> str:
    return f"{median(result.response)} ({result.mode}: {MODE_STYLES[result.mode].label})"
