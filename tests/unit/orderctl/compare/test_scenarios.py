"""The scenarios' order schedules and faults."""

import itertools

import pytest

from orderctl.compare.scenarios import Size, burst, scenarios, steady
from shared.faults.latency import parse_latency

NAMES = ["healthy", "email-slow", "email-down", "sms-failing", "inventory-crash", "burst"]


def test_a_steady_schedule_has_regular_intervals() -> None:
    assert steady(4, 2.0) == [0.0, 0.5, 1.0, 1.5]


def test_a_burst_has_ten_times_the_rate() -> None:
    at = burst(3.0, 2.0, 10)
    per_second = [sum(second <= each < second + 1 for each in at) for second in range(6)]
    assert per_second == [3, 3, 30, 30, 3, 3]
    assert at == sorted(at)


def test_there_are_six_scenarios_with_different_names() -> None:
    found = scenarios(Size())
    assert [scenario.name for scenario in found] == NAMES
    assert len({scenario.title for scenario in found}) == len({each.story for each in found}) == 6


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.01])
def test_additional_latency_is_scaled_like_all_times(scale: float) -> None:
    slow = scenarios(Size(scale=scale))[1]
    [action] = slow.before
    [seconds] = parse_latency(str(action.fault["latency"])).numbers
    assert seconds == pytest.approx(4 * scale)


def test_crashes_happen_while_orders_arrive() -> None:
    crash = scenarios(Size())[4]
    times = [crash.schedule[0], *(action.at for action in crash.meanwhile), crash.schedule[-1]]
    assert all(before < after for before, after in itertools.pairwise(times))
    assert [action.fault for action in crash.meanwhile] == [{"crash": "after"}, {"crash": "before"}]
