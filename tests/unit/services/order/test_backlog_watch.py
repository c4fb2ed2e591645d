"""The backlog in health checks: counted in time, or reported as unknown."""

import threading
from collections.abc import Iterator

import pytest

from services.order.backlog_watch import BacklogWatch
from services.order.outbox import Backlog
from shared.errors import DatabaseUnavailable
from tests.waiting import eventually

PATIENCE = 0.1


class Database:
    """Responds when released, and counts the queries."""

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


def test_the_backlog_is_counted_again_each_time(database: Database) -> None:
    database.answers.set()
    watch = BacklogWatch(database.count)
    assert [watch.backlog().pending for _ in range(3)] == [1, 2, 3]


def test_an_unresponsive_database_is_queried_once_and_reported_in_time(
    database: Database,
) -> None:
    watch = BacklogWatch(database.count, patience=PATIENCE)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable, match="no response within"):
            watch.backlog()
    assert database.asked == 1
    database.answers.set()
    eventually(lambda: watch.backlog().pending > 1)


def test_an_outage_is_reported() -> None:
    def fail() -> Backlog:
        raise DatabaseUnavailable("refused")

    with pytest.raises(DatabaseUnavailable, match="refused"):
        BacklogWatch(fail).backlog()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_count_that_fails_otherwise_is_not_an_empty_outbox() -> None:
    def fail() -> Backlog:
        raise RuntimeError("a bug")

    watch = BacklogWatch(fail)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="the count failed"):
            watch.backlog()
        # pytest reports the thread's exception, which is expected here.
        eventually(lambda: "backlog" not in [thread.name for thread in threading.enumerate()])
