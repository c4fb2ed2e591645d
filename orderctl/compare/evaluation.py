"""Turns a run's observations and the audit's verdicts into the reported figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orderctl.audit.effect_times import DoneAt
from orderctl.audit.verdict import Verdict
from orderctl.compare.customers import CustomerAnswer
from orderctl.compare.estimates import share, spread
from orderctl.compare.results import ModeResult, ModeRun, OrderResult, Sample, ScenarioResult
from orderctl.compare.runner import ObservedRun

#: Seconds between two points of the backlog curve.
SAMPLE_SECONDS = 0.1
#: The minimum number of effects that a verdict implies.
COUNTS = {Verdict.APPLIED: 1, Verdict.DUPLICATED: 2}


@dataclass(frozen=True)
class Fate:
    """The audit's result for one order: the number of effects by service, and its verdicts."""

    effects: Mapping[str, int]
    verdicts: frozenset[Verdict] = frozenset()


#: The fate of a promised order that the audit has not seen.
NOT_THERE = Fate({}, frozenset([Verdict.LOST]))


class Fates:
    """Collects the audit's verdicts by order."""

    def __init__(self) -> None:
        self.by_order: dict[str, Fate] = {}

    def note(self, order_id: str, service: str, verdict: Verdict | None) -> None:
        """`verdict`: None for a correct effect of a failed order."""
        before = self.by_order.get(order_id, Fate({}))
        effects = {**before.effects, service: 1 if verdict is None else COUNTS.get(verdict, 0)}
        verdicts = before.verdicts if verdict is None else before.verdicts | {verdict}
        self.by_order[order_id] = Fate(effects, verdicts)


def scenario_result(runs: Sequence[ObservedRun], fates: Mapping[str, Fate]) -> ScenarioResult:
    """The result of one scenario, from one run per mode."""
    scenario = runs[0].scenario
    return ScenarioResult(
        name=scenario.name,
        title=scenario.title,
        story=scenario.story,
        rate=scenario.rate,
        modes=tuple(_mode_result(run, fates) for run in runs),
        runs=tuple(ModeRun(run.mode, tuple(run.moments), tuple(_samples(run))) for run in runs),
    )


def _mode_result(run: ObservedRun, fates: Mapping[str, Fate]) -> ModeResult:
    orders = [_order_result(answer, run, fates) for answer in run.answers]
    placed = [order for order in orders if order.succeeded]
    failed = [order for order in orders if not order.succeeded]
    verdicts = [fates.get(order.order_id or "", NOT_THERE).verdicts for order in placed]
    return ModeResult(
        mode=run.mode,
        success=share(len(placed), len(orders)),
        response=spread([order.seconds for order in placed]),
        failed_after=spread([order.seconds for order in failed if order.status is not None]),
        visible=spread([order.visible for order in placed if order.visible is not None]),
        lost=sum(Verdict.LOST in given for given in verdicts),
        half_done=sum(any(order.effects.values()) for order in failed),
        mails_for_failed=sum(order.effects.get("email", 0) for order in failed),
        twice=sum(count > 1 for order in orders for count in order.effects.values()),
        dead_lettered=sum(Verdict.DEAD_LETTERED in given for given in verdicts),
        orders=tuple(orders),
    )


def _order_result(
    answer: CustomerAnswer, run: ObservedRun, fates: Mapping[str, Fate]
) -> OrderResult:
    fate = fates.get(answer.order_id or "")
    return OrderResult(
        due=(answer.due - run.began).total_seconds(),
        seconds=answer.seconds,
        status=answer.status,
        order_id=answer.order_id,
        stage=answer.stage,
        reason=answer.reason or None,
        visible=_visible(answer, run) if answer.is_placed else None,
        effects=fate.effects if fate else {},
    )


def _visible(answer: CustomerAnswer, run: ObservedRun) -> float | None:
    times = [at.get(answer.order_id or "") for at in run.done.values()]
    seen = [at for at in times if at]
    return (max(seen) - answer.due).total_seconds() if len(seen) == len(times) else None


def _samples(run: ObservedRun) -> Iterator[Sample]:
    """Each service's backlog over time: the orders accepted by then, but not done yet.

    It is computed afterwards, so that polling does not disturb the measurement. Synchronous orders
    are never in a queue.
    """
    if run.mode != "async" or not run.placed:
        return
    accepted = {answer.order_id or "": answer.answered for answer in run.placed}
    times = [*accepted.values()]
    times += [at for done in run.done.values() for id, at in done.items() if id in accepted]
    for step in range(int((max(times) - run.began).total_seconds() / SAMPLE_SECONDS) + 2):
        now = run.began + timedelta(seconds=step * SAMPLE_SECONDS)
        open_orders = {id for id, at in accepted.items() if at <= now}
        waiting = {name: len(open_orders - _ids(done, now)) for name, done in run.done.items()}
        yield Sample(round(step * SAMPLE_SECONDS, 3), waiting)


def _ids(done: DoneAt, now: datetime) -> set[str]:
    return {order_id for order_id, at in done.items() if at <= now}
