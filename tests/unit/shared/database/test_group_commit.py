"""Threads that come while another one commits are committed together, and none is lost."""

import threading
from collections.abc import Callable, Sequence

import pytest

from shared.database.group_commit import APART_SECONDS, MOST, GroupCommit
from shared.errors import DatabaseUnavailable
from tests.fakes import Death
from tests.waiting import eventually


class Committer:
    """Doubles numbers, and records the groups. `gate` is waited for in each commit."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = threading.Event()
        self.errors: dict[int, BaseException] = {}
        self.now = 1000.0
        self.group = GroupCommit(self.act, clock=lambda: self.now)

    def act(self, numbers: Sequence[int]) -> list[int]:
        self.groups.append(list(numbers))
        self.gate.wait(10)
        for number in numbers:
            if number in self.errors:
                raise self.errors[number]
        return [2 * number for number in numbers]


class Caller(threading.Thread):
    def __init__(self, committer: Committer, number: int) -> None:
        super().__init__(daemon=True)
        self._do: Callable[[], int] = lambda: committer.group.do(number)
        self.result: int | BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._do()
        except BaseException as error:  # noqa: BLE001 (it is the result)
            self.result = error


def waiting(committer: Committer) -> int:
    return len(committer.group._waiting)


def call(committer: Committer, numbers: Sequence[int]) -> list[int | BaseException | None]:
    """Calls of as many threads, of which the first has begun its commit before the others come."""
    callers = [Caller(committer, number) for number in numbers]
    callers[0].start()
    eventually(lambda: committer.groups)
    for count, caller in enumerate(callers[1:], start=1):
        caller.start()
        eventually(lambda count=count: waiting(committer) == count)  # type: ignore[misc]
    committer.gate.set()
    for caller in callers:
        caller.join(10)
    return [caller.result for caller in callers]


def test_one_that_comes_alone_waits_for_nobody() -> None:
    committer = Committer()
    committer.gate.set()
    assert [committer.group.do(number) for number in (1, 2)] == [2, 4]
    assert committer.groups == [[1], [2]]


def test_what_comes_during_a_commit_is_the_next_group() -> None:
    committer = Committer()
    assert call(committer, [1, 2, 3, 4]) == [2, 4, 6, 8]
    assert committer.groups == [[1], [2, 3, 4]]


def test_a_group_has_a_largest_size() -> None:
    committer = Committer()
    numbers = list(range(MOST + 3))
    assert call(committer, numbers) == [2 * number for number in numbers]
    assert [len(group) for group in committer.groups] == [1, MOST, 2]


def test_the_one_at_fault_fails_alone() -> None:
    committer = Committer()
    committer.errors[3] = error = ValueError("three")
    assert call(committer, [1, 2, 3, 4]) == [2, 4, error, 8]
    assert committer.groups == [[1], [2, 3, 4], [4], [3], [2]]


def test_an_outage_while_each_is_done_by_itself_fails_the_rest_at_once() -> None:
    committer = Committer()
    committer.errors[2] = ValueError("two")
    committer.errors[3] = outage = DatabaseUnavailable("away")
    assert call(committer, [1, 2, 3, 4]) == [2, outage, outage, 8]
    # The leader's own item, 2, comes last: its thread returns only after all others.
    assert committer.groups == [[1], [2, 3, 4], [4], [3]]


@pytest.mark.parametrize("error", [DatabaseUnavailable("away"), Death()])
def test_what_says_nothing_about_one_is_raised_by_all(error: BaseException) -> None:
    committer = Committer()
    committer.errors[3] = error
    assert call(committer, [1, 2, 3, 4]) == [2, error, error, error]
    assert committer.groups == [[1], [2, 3, 4]]


def test_after_an_error_others_go_on() -> None:
    committer = Committer()
    committer.gate.set()
    committer.errors[1] = DatabaseUnavailable("away")
    with pytest.raises(DatabaseUnavailable):
        committer.group.do(1)
    assert committer.group.do(2) == 4


def test_after_an_outage_of_a_group_nobody_waits_for_others_for_a_while() -> None:
    committer = Committer()
    committer.errors[3] = DatabaseUnavailable("it waits for a lock")
    call(committer, [1, 2, 3])
    committer.groups.clear()
    committer.gate.clear()
    slow = Caller(committer, 3)
    slow.start()
    eventually(lambda: committer.groups == [[3]])
    # The slow one is still at it, and holds nobody up.
    fast = Caller(committer, 4)
    fast.start()
    # Sooner than the slow one would give up by itself.
    eventually(lambda: committer.groups == [[3], [4]], within=5)
    committer.gate.set()
    slow.join(10)
    fast.join(10)
    assert fast.result == 8

    committer.now += APART_SECONDS
    committer.groups.clear()
    committer.gate.clear()
    call(committer, [5, 6, 7])
    assert committer.groups == [[5], [6, 7]]


def test_many_threads_many_times() -> None:
    committer = Committer()
    committer.gate.set()
    found: list[int] = []

    def work(number: int) -> None:
        found.extend(committer.group.do(100 * number + turn) for turn in range(100))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(found) == [2 * number for number in range(1600)]
    assert sorted(number for group in committer.groups for number in group) == list(range(1600))
