"""Pass or fail, from locust's counts, the promises and the audit."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from loadtest.locust_process import Locust
from loadtest.outcome import LoadOutcome, LoadPlan
from loadtest.report import document, print_outcome
from loadtest.results import ENOUGH_FOR_P99, Line, read_results
from orderctl.audit.audit import Options, Result
from orderctl.audit.quiet import BacklogSnapshot, Quiet
from orderctl.errors import CommandError
from tests.unit.orderctl.audit.histories import an_order, faultless, judge, with_effects

HISTORY = faultless([an_order(1), an_order(2)])
QUIET = Quiet(reached=True, waited=5.0, reasons=(), last=BacklogSnapshot(0, {}, {}))
OPTIONS = Options(strict=True)
CLEAN = Result(judge(HISTORY, quiet=True), QUIET, OPTIONS)
RED = Result(judge(with_effects(HISTORY, "email"), quiet=True), QUIET, OPTIONS)
PLAN = LoadPlan(users=10, seconds=25, folder=Path("here"))
LINE = Line("POST /orders async", requests=4, failures=0, times={8: 2, 20: 1, 90: 1}, slowest=92.4)
PASSED = LoadOutcome(PLAN, (LINE,), locust_status=0, promised=2, audit=CLEAN)


def test_a_run_without_problems_passes() -> None:
    assert (PASSED.exit_status, list(PASSED.reasons())) == (0, [])


@pytest.mark.parametrize(
    ("failed", "reason"),
    [
        (replace(PASSED, lines=(replace(LINE, failures=1),), locust_status=1), "here/report.html"),
        (replace(PASSED, locust_status=2), "here/locust.log"),
        (replace(PASSED, promised=0), "No order was placed"),
        (replace(PASSED, audit=RED), "The audit failed"),
    ],
)
def test_each_problem_is_a_failure_with_a_place_to_look(failed: LoadOutcome, reason: str) -> None:
    [said] = failed.reasons()
    assert reason in said
    assert failed.exit_status == document(failed)["exitStatus"] == 1


def test_several_problems_are_all_reported() -> None:
    assert len(list(replace(PASSED, promised=0, audit=RED, locust_status=2).reasons())) == 3


def test_a_percentile_is_a_share_of_response_times() -> None:
    assert [LINE.percentile(percent) for percent in (50, 75, 76, 95)] == [8, 20, 90, 90]
    assert replace(LINE, times={}).percentile(50) is None


def test_a_p99_needs_enough_requests() -> None:
    many = replace(LINE, requests=ENOUGH_FOR_P99, times={5: 490, 70: 10})

    assert many.p99 == 70
    assert replace(many, requests=ENOUGH_FOR_P99 - 1).p99 is None


def entry(name: str, **more: Any) -> dict[str, Any]:
    counted = {"num_requests": 3, "num_failures": 1, "max_response_time": 140.6}
    return {"method": "POST", "name": name, "response_times": {"9": 2, "140": 1}, **counted, **more}


def test_results_are_read_as_locust_writes_them(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps([entry("/orders sync"), entry("/orders async", start_time=1.5)]))

    first, second = read_results(file)
    assert first == Line("POST /orders async", 3, 1, {9: 2, 140: 1}, 140.6)
    assert second.name == "POST /orders sync"


def test_missing_results_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="see its log"):
        read_results(tmp_path / "results.json")


def printed(outcome: LoadOutcome) -> str:
    console = Console(file=io.StringIO(), width=120)
    print_outcome(outcome, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_report_has_a_row_for_each_name_the_audit_and_a_verdict() -> None:
    text = printed(PASSED)

    [row] = [line.split() for line in text.splitlines() if line.startswith("POST")]
    assert " ".join(row) == "POST /orders async 4 0 8 ms 90 ms - 92 ms"
    assert "exactly once for each of 2 accepted orders" in text
    assert text.rstrip().endswith("Passed, with 2 orders placed.")


def test_a_failure_report_ends_with_where_to_look() -> None:
    text = printed(replace(PASSED, audit=RED))

    assert text.index("The audit failed") > text.index("The promise is broken: 2 lost")
    assert "Passed" not in text


def words(plan: LoadPlan) -> str:
    return " ".join(Locust(plan, "http://shop:1").command())


def test_locust_is_run_as_from_a_shell() -> None:
    command = words(PLAN)

    assert "--headless" in command
    assert "--host http://shop:1" in command
    assert "--users 10 --run-time 25s" in command
    assert "--tags" not in command
    assert f"--accepted {Path('here').resolve() / 'accepted.ndjson'}" in command
    assert "--tags sync bad" in words(replace(PLAN, tags=("sync", "bad")))
