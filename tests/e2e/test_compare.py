"""The scenarios of `orderctl compare` on a running system, with short work times."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from orderctl.compare.comparison import ComparisonRequest, compare
from orderctl.compare.results import MODES, Comparison, Mode, ModeResult, ScenarioResult
from orderctl.compare.scenarios import BURST_TIMES, Size, burst, scenarios, steady
from orderctl.compare.target import open_shop
from orderctl.errors import CommandError
from orderctl.progress import silent
from orderctl.stack.parts import MODULES
from tests.e2e.cells import matrix_but_on
from tests.e2e.shop import CONSUMERS, Shop
from tests.e2e.stacks import Servers, a_stack

#: Work times with which a synchronous order takes a third of a second.
WORK_TIMES = {"email": 0.2, "sms": 0.1, "inventory": 0.05, "analytics": 0.0}
SIZE = Size(orders=10, rate=5.0, scale=0.1)
#: Short schedules by scenario. Crashes need some time in between, a burst some before and after.
SHORTEST = steady(SIZE.orders, 10.0)
SCHEDULES = {
    "inventory-crash": steady(SIZE.orders, SIZE.rate),
    "burst": burst(SIZE.rate, 1.0, BURST_TIMES),
}
SCENARIOS = [replace(each, schedule=SCHEDULES.get(each.name, SHORTEST)) for each in scenarios(SIZE)]
COMPARED = "tests.e2e.parts.compared_consumer"
#: With this seed, two of the first ten texts fail, and four of the next ten.
SEED, FAILURES = 12, {"sync": 2, "parallel": 4}

pytestmark = matrix_but_on("embedded")


@pytest.fixture(scope="module")
def options() -> Mapping[str, Any]:
    return {"work_times": WORK_TIMES, "faults_allowed": True}


@pytest.fixture(scope="module")
def comparison(
    transport: str,
    options: Mapping[str, Any],
    servers: Servers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Comparison]:
    folder = tmp_path_factory.mktemp("compare")
    with a_stack(transport, folder, servers, **options) as stack:
        stack.setup()
        for name in MODULES:
            if name in CONSUMERS:
                stack.start(name, COMPARED, {"PART": name, "SEED": str(SEED)})
            else:
                stack.start(name)
        stack.wait_ready()
        request = ComparisonRequest(SCENARIOS, folder / "accepted.ndjson", "a test")
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


def test_no_scenario_loses_or_repeats_anything(comparison: Comparison) -> None:
    assert comparison.is_clean, comparison.audit
    results = [result for each in comparison.scenarios for result in each.modes]
    assert [(result.lost, result.twice) for result in results] == [(0, 0)] * 18
    assert [result.dead_lettered for result in results] == [0] * 18


@pytest.mark.parametrize("name", [each.name for each in SCENARIOS])
def test_async_orders_are_accepted_and_completed_in_every_scenario(
    comparison: Comparison, name: str
) -> None:
    found = modes(comparison, name)["async"]
    assert found.success.part == found.success.of == len(found.orders)
    assert found.visible
    assert found.visible.n == len(found.orders)
    assert {tuple(order.effects.values()) for order in found.orders} == {(1, 1, 1, 1)}
    assert (found.half_done, found.mails_for_failed) == (0, 0)


def test_in_normal_operation_only_the_customers_waiting_time_differs(
    comparison: Comparison,
) -> None:
    found = modes(comparison, "healthy")
    assert placed(found) == [(10, 10)] * 3
    work = list(WORK_TIMES.values())
    # Compared with the work times and with each other, since a busy machine slows all modes.
    assert median(found["sync"]) > sum(work)
    assert median(found["sync"]) > median(found["parallel"]) > max(work)
    assert median(found["parallel"]) > median(found["async"])
    assert comparison.speedup == median(found["sync"]) / median(found["async"])


def test_the_timelines_of_one_order_show_when_each_service_worked(comparison: Comparison) -> None:
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


def test_when_email_is_slow_only_async_customers_do_not_wait(
    comparison: Comparison,
) -> None:
    found = modes(comparison, "email-slow")
    assert placed(found) == [(10, 10)] * 3
    slowest = 0.4 + WORK_TIMES["email"]
    assert min(median(found["sync"]), median(found["parallel"])) > slowest
    assert median(found["async"]) < min(median(found["sync"]), median(found["parallel"]))


def test_when_email_is_down_only_async_orders_succeed(comparison: Comparison) -> None:
    found = modes(comparison, "email-down")
    assert placed(found) == [(0, 10), (0, 10), (10, 10)]
    assert {order.stage for mode in MODES[:2] for order in found[mode].orders} == {"email"}
    # In sync mode no other service was called; in parallel mode the others have done their work.
    assert [found[mode].half_done for mode in MODES] == [0, 10, 0]
    assert [found[mode].mails_for_failed for mode in MODES] == [0, 0, 0]


def test_during_an_outage_the_services_queue_fills_and_then_drains(
    comparison: Comparison,
) -> None:
    [down] = [run for run in scenario(comparison, "email-down").runs if run.mode == "async"]
    assert [moment.what for moment in down.moments] == ["email goes down", "email recovers"]
    back = down.moments[1].at
    line = [(sample.at, sample.waiting["email"]) for sample in down.samples]
    assert max(waiting for _, waiting in line) == 10
    assert [waiting for at, waiting in line if back - 0.2 < at < back][-1] == 10
    assert line[-1][1] == 0


def test_a_failed_call_leaves_an_order_half_done_with_its_mail_sent(
    comparison: Comparison,
) -> None:
    found = modes(comparison, "sms-failing")
    for mode in MODES[:2]:
        failed = [order for order in found[mode].orders if not order.succeeded]
        assert len(failed) == FAILURES[mode]
        assert {(order.status, order.stage) for order in failed} == {(502, "sms")}
        assert found[mode].half_done == found[mode].mails_for_failed == len(failed)


def test_a_crash_fails_synchronous_orders_whose_mail_was_sent(comparison: Comparison) -> None:
    found = modes(comparison, "inventory-crash")
    for mode in MODES[:2]:
        failed = [order for order in found[mode].orders if not order.succeeded]
        assert {(order.status, order.stage) for order in failed} == {(502, "inventory")}
        assert found[mode].half_done == found[mode].mails_for_failed == len(failed)
    [line] = [run for run in scenario(comparison, "inventory-crash").runs if run.mode == "sync"]
    assert len(line.moments) == 2


def test_a_shop_that_allows_no_faults_is_not_compared(shop: Shop) -> None:
    shop.open()
    shop.stack.stop("email")
    shop.stack.start("email", env={"FAULTS_ALLOWED": "false"})
    shop.stack.wait_ready()
    with pytest.raises(CommandError, match="FAULTS_ALLOWED"), open_shop(shop.stack.addresses):
        pytest.fail("it was opened")
