"""All dead letters of a service are moved in batches."""

import pytest

from shared.errors import BrokerUnavailable
from shared.transport import DeadLetter, PartlyMoved
from shared.transport.message import PART
from shared.transport.moving_all import in_parts
from tests.builders import a_message


class Queue:
    """A queue whose letters return as soon as they are moved; fails at a chosen letter."""

    def __init__(self, *, fails_after: int = 1_000_000) -> None:
        self.asked: list[int] = []
        self._left = fails_after

    def move(self, most: int) -> list[DeadLetter]:
        self.asked.append(most)
        letter = DeadLetter(a_message(), "550 no", "2026-03-04T05:06:07Z")
        went, self._left = [letter] * min(most, self._left), self._left - most
        if self._left >= 0:
            return went
        error = BrokerUnavailable("gone")
        raise PartlyMoved(error, went) if went else error


def moved(queue: Queue, there: int) -> list[int]:
    return [len(part) for part in in_parts(there, queue.move)]


def test_no_more_letters_are_moved_than_at_the_start() -> None:
    queue = Queue()
    assert moved(queue, 2 * PART + 7) == [PART, PART, 7]
    assert queue.asked == [PART, PART, 7]


def test_moving_ends_when_no_letters_are_left() -> None:
    parts = iter([[DeadLetter(a_message(), "no", "")], []])
    assert [len(part) for part in in_parts(9, lambda _most: next(parts))] == [1]


def test_a_failure_within_a_batch_reports_the_total_moved() -> None:
    with pytest.raises(PartlyMoved, match=f"^{PART + 2} were moved before it failed") as caught:
        moved(Queue(fails_after=PART + 2), 3 * PART)
    assert len(caught.value.moved) == 2


def test_a_failure_between_two_batches_reports_the_total_moved() -> None:
    with pytest.raises(PartlyMoved, match=f"^{PART} were moved before it failed: gone") as caught:
        moved(Queue(fails_after=PART), 3 * PART)
    assert list(caught.value.moved) == []


def test_a_failure_before_any_move_is_raised_unchanged() -> None:
    with pytest.raises(BrokerUnavailable, match=r"^gone") as caught:
        moved(Queue(fails_after=0), 3 * PART)
    assert not isinstance(caught.value, PartlyMoved)
