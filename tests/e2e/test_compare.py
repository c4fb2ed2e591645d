"""What each scenario of `orderctl compare` means, on a running system, with small times."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orderctl.compare.comparison import ComparisonRequest, compare
from orderctl.compare.results import MODES, Comparison, Mode, ModeResult, ScenarioResult
from orderctl.compare.scenarios import Size, scenarios
from orderctl.compare.target import open_shop
from orderctl.errors import CommandError
from orderctl.progress import silent
from orderctl.stack.stack import Stack
from tests.zygote.client import fork_python

#: An order by calls takes a third of a second.
WORK_TIMES = {"email": 0.2, "sms": 0.1, "inventory": 0.05, "analytics": 0.0}
SIZE = Size(orders=10, rate=5.0, scale=0.1)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    folder = tmp_path_factory.mktemp("compare")
    stack = Stack(
        folder,
        ladder=(0.1, 0.2, 0.4),
        work_times=WORK_TIMES,
        faults_allowed=True,
        start=fork_python,
    )
    with stack:
        stack.setup()
        stack.start_all()
        stack.wait_ready()
        request = ComparisonRequest(scenarios(SIZE), folder / "accepted.ndjson", "a test")
        with open_shop(stack.addresses) as shop:
            yield compare(shop, request, silent)


def scenario(comparison: Comparison, name: str) -> ScenarioResult:
    [found] = [each for each in comparison.scenarios if each.name == name]
    return found


def modes(comparison: Comparison, name: str) -> dict[Mode, ModeResult]:
    found = {result.mode: result for result in scenario(comparison, name).modes}
    assert tuple(found) == MODES
    return found


def placed(results: dict[Mode, ModeResult]) -> list[tuple[int, int]]:
    return [(results[mode].success.part, results[mode].success.of) for mode in MODES]


def median(result: ModeResult) -> float:
    assert result.response
    return result.response.p50


def test_whatever_happens_nothing_is_lost_and_nothing_is_done_twice(comparison: Comparison) -> None:
    assert comparison.is_clean, comparison.audit
    results = [result for each in comparison.scenarios for result in each.modes]
    assert [(result.lost, result.twice) for result in results] == [(0, 0)] * 18
    assert [result.dead_lettered for result in results] == [0] * 18


@pytest.mark.parametrize("name", [each.name for each in scenarios(SIZE)])
def test_an_async_order_is_placed_whatever_happens_and_done_by_everybody(
    comparison: Comparison, name: str
) -> None:
    found = modes(comparison, name)["async"]
    assert found.success.part == found.success.of == len(found.orders)
    assert found.visible
    assert found.visible.n == len(found.orders)
    assert {tuple(order.effects.values()) for order in found.orders} == {(1, 1, 1, 1)}
    assert (found.half_done, found.mails_for_failed) == (0, 0)


def test_when_all_is_well_it_only_matters_who_waits(comparison: Comparison) -> None:
    found = modes(comparison, "healthy")
    assert placed(found) == [(10, 10)] * 3
    work = list(WORK_TIMES.values())
    # By what each mode has to wait for, and beside each other: a busy machine slows all of them.
    assert median(found["sync"]) > sum(work)
    assert median(found["sync"]) > median(found["parallel"]) > max(work)
    assert median(found["parallel"]) > median(found["async"])
    assert comparison.speedup == median(found["sync"]) / median(found["async"])


def test_the_pictures_of_one_order_show_who_worked_when(comparison: Comparison) -> None:
    sync, parallel, by_event = comparison.waterfalls
    assert (sync.mode, parallel.mode, by_event.mode) == MODES
    for picture in comparison.waterfalls:
        lengths = {bar.who: bar.seconds for bar in picture.bars}
        assert all(lengths[name] >= seconds for name, seconds in WORK_TIMES.items())
    ends = [bar.start + bar.seconds for bar in sync.bars]
    assert all(bar.start >= end for bar, end in zip(sync.bars[1:], ends, strict=False))
    assert max(ends) <= sync.answered
    first_end = min(bar.start + bar.seconds for bar in parallel.bars if bar.who != "analytics")
    assert all(bar.start < first_end for bar in parallel.bars)
    assert all(bar.start > 0 for bar in by_event.bars)
    assert by_event.answered < parallel.answered < sync.answered


def test_when_email_is_slow_every_customer_waits_for_it_but_the_async_one(
    comparison: Comparison,
) -> None:
    found = modes(comparison, "email-slow")
    assert placed(found) == [(10, 10)] * 3
    slowest = 0.4 + WORK_TIMES["email"]
    assert min(median(found["sync"]), median(found["parallel"])) > slowest
    assert median(found["async"]) < min(median(found["sync"]), median(found["parallel"]))


def test_when_email_is_down_it_is_all_or_nothing(comparison: Comparison) -> None:
    found = modes(comparison, "email-down")
    assert placed(found) == [(0, 10), (0, 10), (10, 10)]
    assert {order.stage for mode in MODES[:2] for order in found[mode].orders} == {"email"}
    # Called in turn nobody else has been called; called at once, they have done their work.
    assert [found[mode].half_done for mode in MODES] == [0, 10, 0]
    assert [found[mode].mails_for_failed for mode in MODES] == [0, 0, 0]


def test_an_outage_fills_the_queue_of_the_one_who_is_away_and_then_it_drains(
    comparison: Comparison,
) -> None:
    [down] = [run for run in scenario(comparison, "email-down").runs if run.mode == "async"]
    assert [moment.what for moment in down.moments] == ["email goes down", "email is well again"]
    back = down.moments[1].at
    line = [(sample.at, sample.waiting["email"]) for sample in down.samples]
    assert max(waiting for _, waiting in line) == 10
    assert [waiting for at, waiting in line if back - 0.2 < at < back][-1] == 10
    assert line[-1][1] == 0


def test_a_call_that_fails_leaves_an_order_half_done_with_a_mail_about_it(
    comparison: Comparison,
) -> None:
    found = modes(comparison, "sms-failing")
    for mode in MODES[:2]:
        failed = [order for order in found[mode].orders if not order.succeeded]
        assert {(order.status, order.stage) for order in failed} <= {(502, "sms")}
        assert found[mode].half_done == found[mode].mails_for_failed == len(failed)


def test_a_crash_fails_orders_by_calls_though_their_mail_is_out(comparison: Comparison) -> None:
    found = modes(comparison, "inventory-crash")
    for mode in MODES[:2]:
        failed = [order for order in found[mode].orders if not order.succeeded]
        assert {(order.status, order.stage) for order in failed} == {(502, "inventory")}
        assert found[mode].half_done == found[mode].mails_for_failed == len(failed)
    [line] = [run for run in scenario(comparison, "inventory-crash").runs if run.mode == "sync"]
    assert len(line.moments) == 2


def test_a_shop_that_allows_no_faults_is_left_alone(tmp_path: Path) -> None:
    with Stack(tmp_path / "shop", start=fork_python) as stack:
        stack.setup()
        stack.start_all()
        stack.wait_ready()
        with pytest.raises(CommandError, match="FAULTS_ALLOWED"), open_shop(stack.addresses):
            pytest.fail("it was opened")
