"""Part 5: what comes after a failure? Change `next_step`."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from shared.errors import PermanentError


@dataclass(frozen=True)
class Retry:
    """Once more, after so many seconds."""

    after: float


@dataclass(frozen=True)
class DeadLetter:
    reason: str


def next_step(error: Exception, attempt: int, ladder: Sequence[float]) -> Retry | DeadLetter:
    """After attempt number 1, 2, … has failed. `ladder`: the seconds before each further one."""
    return Retry(after=0)


# What it has to do. Leave this as it is.

LADDER = (1.0, 5.0, 30.0)


@pytest.mark.parametrize(("attempt", "after"), [(1, 1.0), (2, 5.0), (3, 30.0)])
def test_each_attempt_waits_longer_than_the_one_before(attempt: int, after: float) -> None:
    assert next_step(OSError("busy"), attempt, LADDER) == Retry(after)


def test_after_the_last_rung_it_is_given_up() -> None:
    assert next_step(OSError("busy"), 4, LADDER) == DeadLetter("busy")


def test_what_can_never_work_is_given_up_at_once() -> None:
    refused = PermanentError("no such customer")

    assert next_step(refused, 1, LADDER) == DeadLetter(str(refused))
