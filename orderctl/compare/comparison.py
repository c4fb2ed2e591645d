"""Runs a comparison: every scenario in every mode, then the audit of all orders."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orderctl.audit.audit import Options, run_audit
from orderctl.audit.ledger import Ledger
from orderctl.audit.sentence import sentence
from orderctl.compare.evaluation import Fates, scenario_result
from orderctl.compare.machine import this_machine
from orderctl.compare.results import MODES, Comparison, Mode, ScenarioResult
from orderctl.compare.runner import ObservedRun, ScenarioRunner
from orderctl.compare.scenarios import Scenario
from orderctl.compare.target import Target
from orderctl.compare.timelines import waterfalls
from orderctl.output import seconds
from orderctl.progress import Tell, progress

#: The scenario whose response times are compared.
HEALTHY = "healthy"
BROKERS = {"sqlite": "embedded", "amqp": "rabbitmq", "amqps": "rabbitmq", "kafka": "kafka"}


@dataclass(frozen=True)
class ComparisonRequest:
    """`command`: how to repeat the measurement."""

    scenarios: Sequence[Scenario]
    ledger: Path
    command: str


def compare(target: Target, request: ComparisonRequest, say: Tell) -> Comparison:
    """Run everything. Raises CommandError and the audit's errors."""
    began_at, began = datetime.now(UTC), time.monotonic()
    with Ledger(request.ledger) as ledger, progress() as tell:
        runner = ScenarioRunner(target, ledger, tell)
        runs = [_all_modes(runner, scenario, say) for scenario in request.scenarios]
        target.reset(tell)
        healthy = [run for each in runs for run in each if run.scenario.name == HEALTHY]
        pictures = waterfalls(healthy, target.client, target.addresses.order_url)
        say("The audit waits until nothing moves, then compares every order with its effects …")
        options, fates = Options(ledger=request.ledger), Fates()
        audit = run_audit(target.addresses, options, on_verdict=fates.note, tell=tell)
    results = tuple(scenario_result(each, fates.by_order) for each in runs)
    return Comparison(
        began_at=began_at.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 1),
        machine=this_machine(),
        broker=BROKERS[target.addresses.broker_url.partition(":")[0]],
        command=request.command,
        scenarios=results,
        waterfalls=pictures,
        speedup=_speedup(results),
        audit=sentence(audit),
        is_clean=not audit.exit_status,
    )


def _all_modes(runner: ScenarioRunner, scenario: Scenario, say: Tell) -> list[ObservedRun]:
    say(f"{scenario.title}: {scenario.story}")
    runs = []
    for mode in MODES:
        run = runner.run(scenario, mode)
        say(f"  {mode:<9}{_in_short(run)}")
        runs.append(run)
    return runs


def _in_short(run: ObservedRun) -> str:
    placed = f"{len(run.placed):>3} of {len(run.answers)} orders placed"
    times = sorted(answer.seconds for answer in run.answers)
    median, longest = seconds(times[len(times) // 2]), seconds(times[-1])
    return f"{placed}; response time {median} (median), {longest} at most"


def _speedup(results: Sequence[ScenarioResult]) -> float | None:
    medians: dict[Mode, float] = {
        result.mode: result.response.p50
        for scenario in results
        if scenario.name == HEALTHY
        for result in scenario.modes
        if result.response
    }
    if "sync" not in medians or "async" not in medians:
        return None
    return medians["sync"] / medians["async"]
