"""When tasks are due, and the number of users; the schedule catches up after a stall."""

import pytest

from loadtest.pacing import BURST, Schedule, users_at


def test_a_task_is_due_every_interval_regardless_of_the_last_duration() -> None:
    schedule = Schedule(1.0, first=10.0)

    assert schedule.due == 10.0
    assert schedule.next(now=10.3) == pytest.approx(0.7)
    assert schedule.due == 11.0
    assert schedule.next(now=11.9) == pytest.approx(0.1)


def test_after_a_stall_all_overdue_tasks_follow_at_once() -> None:
    schedule = Schedule(1.0, first=0.0)
    # The first task takes from 0 to 3.5 s, each later one a tenth of a second.
    now, late = 3.5, []
    while (wait := schedule.next(now)) == 0:
        late.append(now - schedule.due)
        now += 0.1

    assert late == pytest.approx([2.5, 1.6, 0.7])
    # Then it is back on schedule, at a whole second.
    assert now + wait == pytest.approx(4.0)


def users(seconds: int, run_time: float) -> list[int | None]:
    return [users_at(second, users=3, seconds=run_time) for second in range(seconds)]


def test_a_burst_is_in_the_middle_and_lasts_five_seconds() -> None:
    steady, burst = 3, 3 * BURST

    assert users(27, 25) == [steady] * 10 + [burst] * 5 + [steady] * 10 + [None] * 2


def test_a_short_run_has_a_short_burst() -> None:
    assert users(11, 10) == [3] * 4 + [30] * 2 + [3] * 4 + [None]
