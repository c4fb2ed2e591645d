"""The backlog for health checks: known, or known to be unknown, within a moment."""

import threading
from collections.abc import Iterator

import pytest

from services.order.backlog_watch import BacklogWatch
from services.order.outbox import Backlog
from shared.errors import DatabaseUnavailable
from tests.waiting import eventually

PATIENCE = 0.1


class Database:
    """Answers when it is let, and counts how often it was asked."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked = 0

    def count(self) -> Backlog:
        self.asked += 1
        assert self.answers.wait(20)
        return Backlog(self.asked, None)


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.answers.set()


def test_what_is_counted_is_told_and_counted_anew_each_time(database: Database) -> None:
    database.answers.set()
    watch = BacklogWatch(database.count)
    assert [watch.backlog().pending for _ in range(3)] == [1, 2, 3]


def test_a_database_that_does_not_answer_is_asked_once_and_told_of_in_time(
    database: Database,
) -> None:
    watch = BacklogWatch(database.count, patience=PATIENCE)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable, match="no response within"):
            watch.backlog()
    assert database.asked == 1
    database.answers.set()
    eventually(lambda: watch.backlog().pending > 1)


def test_an_outage_is_told_as_it_is() -> None:
    def fail() -> Backlog:
        raise DatabaseUnavailable("refused")

    with pytest.raises(DatabaseUnavailable, match="refused"):
        BacklogWatch(fail).backlog()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_count_that_fails_in_any_other_way_is_no_empty_outbox() -> None:
    def fail() -> Backlog:
        raise RuntimeError("a bug")

    watch = BacklogWatch(fail)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="the count failed"):
            watch.backlog()
        # Its error is told to pytest as the thread ends, and belongs to this test.
        eventually(lambda: "backlog" not in [thread.name for thread in threading.enumerate()])
