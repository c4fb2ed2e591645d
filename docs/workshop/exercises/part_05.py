"""Part 5: what follows a failed attempt? Change `next_step`."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from shared.errors import PermanentError


@dataclass(frozen=True)
class Retry:
    """Try again, `after` seconds later."""

    after: float


@dataclass(frozen=True)
class DeadLetter:
    reason: str


def next_step(error: Exception, attempt: int, ladder: Sequence[float]) -> Retry | DeadLetter:
    """Decide after a failed attempt (1 is the first). `ladder`: seconds before each retry."""
    return Retry(after=0)


# The tests. Leave them as they are.

LADDER = (1.0, 5.0, 30.0)


@pytest.mark.parametrize(("attempt", "after"), [(1, 1.0), (2, 5.0), (3, 30.0)])
def test_each_retry_waits_longer_than_the_one_before(attempt: int, after: float) -> None:
    assert next_step(OSError("busy"), attempt, LADDER) == Retry(after)


def test_it_gives_up_after_the_last_rung() -> None:
    assert next_step(OSError("busy"), 4, LADDER) == DeadLetter("busy")


def test_a_permanent_error_is_not_retried() -> None:
    refused = PermanentError("no such customer")

    assert next_step(refused, 1, LADDER) == DeadLetter(str(refused))
