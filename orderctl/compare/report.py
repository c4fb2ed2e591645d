"""Renders the report as one self-contained page without JavaScript."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from orderctl.compare import formatting, report_rows, summary
from orderctl.compare.charts.charts import Picture, source
from orderctl.compare.charts.style import MODE_STYLES
from orderctl.compare.results import Comparison, ScenarioResult

FOLDER = Path(__file__).parent


def html(comparison: Comparison, pictures: Sequence[Picture]) -> str:
    """The whole page. All measured texts are escaped, so markup in a reason stays text."""
    return _template().render(
        comparison=comparison,
        lesson=summary.lesson(comparison),
        outage=summary.outage(comparison),
        source=source(comparison),
        duration=formatting.duration(comparison.seconds),
        styles=MODE_STYLES,
        # Our own drawing, whose texts are already escaped.
        pictures=[(picture, Markup(picture.svg())) for picture in pictures],  # noqa: S704
        scenarios=[_shown(scenario) for scenario in comparison.scenarios],
    )


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def _shown(scenario: ScenarioResult) -> dict[str, Any]:
    failures = report_rows.failures(scenario)
    return {
        "scenario": scenario,
        "rows": report_rows.rows(scenario),
        "failures": failures[: report_rows.REASONS],
        "failed": sum(failure.orders for failure in failures),
        "other_reasons": max(len(failures) - report_rows.REASONS, 0),
    }
