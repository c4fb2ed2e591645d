"""The report and the table show the data's figures, with any values and texts."""

import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from orderctl.compare.charts.charts import draw
from orderctl.compare.files import read_comparison, write_report
from orderctl.compare.report import html
from orderctl.compare.results import MODES, Comparison, ModeResult, ScenarioResult
from orderctl.compare.terminal import print_comparison
from orderctl.errors import CommandError
from tests.compare_sample import a_mode, a_scenario, an_order, sample

PICTURES = ["backlog.png", "response-times.png", "success.png", "timeline.png"]
HOSTILE = "<script>alert(1)</script> \x1b[2J & \"'"


class Page(HTMLParser):
    """The rows of every table by caption, and every element that could load or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.loads: list[str] = []
        self._rows: list[list[str]] = []
        self._caption: str | None = None
        self._cell: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "iframe", "object", "img", "base", "form") or any(
            name.startswith("on") for name in given
        ):
            self.loads.append(tag)
        for name in ("src", "href", "xlink:href", "action"):
            if name in given and not given[name].startswith(("#", "data:")):
                self.loads.append(given[name])
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
        if tag in ("td", "th", "caption"):
            self._cell = []

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "caption") and self._cell is not None:
            text = " ".join(" ".join(self._cell).split())
            if tag == "caption":
                self.tables[text] = self._rows
            else:
                self._rows[-1].append(text)
            self._cell = None


def page(comparison: Comparison) -> Page:
    """The page without its pictures, which take a second each."""
    return Page(html(comparison, ()))


def printed(comparison: Comparison, width: int = 120) -> str:
    screen = StringIO()
    print_comparison(comparison, Console(file=screen, width=width, highlight=False, markup=False))
    return screen.getvalue()


def of(*modes: ModeResult, **changes: Any) -> Comparison:
    """A comparison with one scenario."""
    scenario = ScenarioResult("healthy", "All is well", "Nothing happens.", 3.0, modes, ())
    return sample(scenarios=(scenario,), waterfalls=(), **changes)


def row(found: Page, caption: str, label: str) -> list[str]:
    [cells] = [cells for cells in found.tables[caption] if cells[0].startswith(label)]
    return cells[1:]


def test_each_scenario_has_a_table_with_a_column_for_each_mode() -> None:
    comparison = sample()
    found = page(comparison)
    for scenario in comparison.scenarios:
        caption = f"{scenario.title}, 5 orders per second"
        assert found.tables[caption][0] == ["", *MODES]
        sent = [str(result.success.of) for result in scenario.modes]
        assert row(found, caption, "Orders sent") == sent


def test_the_figures_equal_the_measured_ones() -> None:
    orders = [an_order(place, 0.25, fails=place < 5, mode="sync") for place in range(20)]
    counts = {"lost": 3, "half_done": 5, "mails_for_failed": 4, "twice": 2, "dead_lettered": 1}
    found = page(of(a_mode("sync", orders, **counts)))
    caption = "All is well, 3 orders per second"
    shown = {
        label: row(found, caption, label)[0].split()[0]
        for label in ("Placed", "Lost", "Half done", "Emails about", "Duplicated", "Dead-lettered")
    }
    assert shown == {
        "Placed": "75",
        "Lost": "3",
        "Half done": "5",
        "Emails about": "4",
        "Duplicated": "2",
        "Dead-lettered": "1",
    }
    assert row(found, caption, "Response, median")[0].startswith("250 ms")
    assert row(found, caption, "Failure, median") == ["83 ms"]


@pytest.mark.parametrize(("number", "tail"), [(499, "max 1.5 s"), (500, "p99 500 ms")])
def test_a_p99_is_shown_if_there_is_one_and_otherwise_the_maximum(number: int, tail: str) -> None:
    orders = [an_order(place, 0.5, fails=False, mode="async") for place in range(number - 1)]
    slowest = an_order(number, 1.5, fails=False, mode="async")
    comparison = of(a_mode("async", [*orders, slowest]))
    assert row(page(comparison), "All is well, 3 orders per second", "Response, p99") == [tail]
    assert tail in printed(comparison)


def test_failures_are_counted_by_stage_and_reason() -> None:
    orders = [an_order(place, 1.0, fails=place < 7, mode="sync") for place in range(10)]
    found = page(of(a_mode("sync", orders)))
    [caption] = [name for name in found.tables if "not placed" in name]
    reason = "email answered 503 Service Unavailable: it is down"
    assert found.tables[caption][1:] == [["sync", "email", reason, "7"]]


def test_the_lesson_uses_the_measured_figures() -> None:
    text = html(sample(), ())
    assert "392 times faster than sync" in text
    assert "With email down, 0\u00a0% of the sync orders" in text
    assert sample().audit in text


@pytest.mark.parametrize(("is_clean", "word"), [(True, "Kept."), (False, "Broken.")])
def test_the_report_states_whether_the_promise_was_kept(is_clean: bool, word: str) -> None:
    text = html(of(is_clean=is_clean), ())
    assert re.findall(r"<strong>(Kept\.|Broken\.)</strong>", text) == [word]


def test_the_report_loads_nothing_and_runs_nothing() -> None:
    assert Page(html(sample(), draw(sample()))).loads == []


def test_measured_texts_are_escaped() -> None:
    fail = msgspec.structs.replace(
        an_order(1, 1.0, fails=True, mode="sync"), reason=HOSTILE, stage=HOSTILE
    )
    scenario = ScenarioResult(HOSTILE, HOSTILE, HOSTILE, 3.0, (a_mode("sync", [fail]),), ())
    machine = msgspec.structs.replace(sample().machine, processor=HOSTILE)
    hostile = sample(scenarios=(scenario,), audit=HOSTILE, command=HOSTILE, machine=machine)
    text = html(hostile, draw(hostile))
    assert Page(text).loads == []
    assert "<script" not in text
    assert "\x1b" not in printed(hostile)


@pytest.mark.parametrize(
    "changes",
    [
        {"scenarios": (), "waterfalls": (), "speedup": None},
        {"scenarios": (a_scenario("burst", ("async",)),), "waterfalls": (), "speedup": None},
        {"scenarios": (a_scenario("email-down", ("sync",)),), "speedup": None},
    ],
    ids=["nothing", "async only", "sync only"],
)
def test_modes_and_scenarios_that_were_not_run_are_left_out(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    comparison = sample(**changes)
    assert page(comparison).loads == []
    assert sample().audit in printed(comparison)
    write_report(comparison, tmp_path)


def test_the_table_fits_into_120_columns() -> None:
    # On a wider terminal it is only as wide as needed.
    lines = [line for line in printed(sample(), width=300).splitlines() if "customers" not in line]
    rows = [line for line in lines if re.search(r" (sync|parallel|async) +[0-9]", line)]
    assert len(rows) == 18
    assert max(map(len, rows)) <= 120


def test_all_files_are_written_and_the_data_can_be_read_again(tmp_path: Path) -> None:
    written = write_report(sample(), tmp_path / "new" / "report")
    names = sorted(path.name for path in written)
    assert names == sorted([*PICTURES, "comparison.json", "report.html"])
    assert read_comparison(tmp_path / "new" / "report" / "comparison.json") == sample()


def test_pictures_of_an_earlier_comparison_are_removed(tmp_path: Path) -> None:
    write_report(sample(), tmp_path)
    write_report(sample(waterfalls=()), tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.png")) == PICTURES[:3]


def test_an_unwritable_folder_is_reported_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="--report"):
        write_report(sample(), tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"beganAt": 7}', b"\xff"])
def test_a_file_that_is_not_a_comparison_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "comparison.json"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=r"comparison\.json"):
        read_comparison(file)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nothing-there"):
        read_comparison(tmp_path / "nothing-there")
