"""The load test passes on a correct system, and fails on one that drops messages."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtest.outcome import LoadPlan
from loadtest.run import load_test
from orderctl.audit.verdict import Verdict
from orderctl.progress import silent
from orderctl.stack.parts import MODULES
from orderctl.stack.process import ROOT
from orderctl.stack.stack import Stack
from shop.consumers import CONSUMERS
from tests.e2e.parts.dropping_consumer import EVERY

REQUESTS = {
    "GET /orders/ID",
    "POST /orders async",
    "POST /orders async (from when it was due)",
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "loadtest", "--users", "5", "--time", "6", "--json"]
    command += ["--folder", str(tmp_path / "load")]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        yield started
        # SIGTERM, so that it stops its own processes; no effect when it has ended.
        started.terminate()


def test_a_correct_system_passes(running: "subprocess.Popen[str]", tmp_path: Path) -> None:
    output, errors = running.communicate(timeout=180)
    assert running.returncode == 0, f"{errors}\n{output}"

    report = json.loads(output)
    placed = report["ordersPlaced"]
    assert (report["exitStatus"], report["locustStatus"], report["reasons"]) == (0, 0, [])
    assert placed > 0
    assert report["audit"]["accepted"] == placed
    applied = {name: report["audit"]["services"][name]["applied"] for name in CONSUMERS}
    assert applied == dict.fromkeys(CONSUMERS, placed)
    requests = {line["name"]: line["requests"] for line in report["requests"]}
    assert set(requests) >= REQUESTS
    # Orders are only placed synchronously on request.
    assert not {"POST /orders sync", "POST /orders parallel"} & set(requests)
    assert requests["POST /orders async"] == placed
    assert requests["POST /orders async (from when it was due)"] == placed
    written = {path.name for path in (tmp_path / "load").glob("*.*")}
    assert {"report.html", "stats_stats.csv", "accepted.ndjson", "locust.log"} <= written


def with_an_email_service_that_drops(stack: Stack) -> None:
    for name in MODULES:
        if name != "email":
            stack.start(name)
    stack.start("email", "tests.e2e.parts.dropping_consumer", {"PART": "email"})


def test_a_service_that_drops_one_message_in_a_hundred_fails(tmp_path: Path) -> None:
    # Long enough for a hundred orders even on a busy machine.
    plan = LoadPlan(users=12, seconds=20, folder=tmp_path / "load")

    outcome = load_test(plan, silent, start=with_an_email_service_that_drops)

    # Locust alone sees no failure, since every response was correct.
    assert (outcome.locust_status, outcome.failures) == (0, 0)
    [email] = [each for each in outcome.audit.audit.services if each.service == "email"]
    lost = email.orders(Verdict.LOST)
    assert len(lost) == outcome.promised // EVERY > 0
    assert outcome.audit.exit_status == 1
    assert outcome.exit_status == 1
    assert "The audit failed" in "".join(outcome.reasons())
