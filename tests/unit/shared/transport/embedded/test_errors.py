"""Which SQLite errors are an outage of the embedded broker, and which are bugs in our code."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import BrokerUnavailable
from shared.transport.embedded.broker import EmbeddedBroker
from shared.transport.embedded.connection import Store
from shared.transport.embedded.file import translated
from tests.conformance.steps import a_message, messages, publish

INSERT = "INSERT INTO queues (name) VALUES (?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broker.db"


@pytest.fixture
def broker(path: Path) -> EmbeddedBroker:
    made = EmbeddedBroker(f"sqlite:///{path}")
    made.declare(["email"])
    return made


def full(file: sqlite3.Connection) -> None:
    file.execute("PRAGMA max_page_count = 1")
    file.execute(INSERT, ("x" * 100_000,))


def read_only(file: sqlite3.Connection) -> None:
    file.execute("PRAGMA query_only = ON")
    file.execute(INSERT, ("sms",))


def without_a_table(file: sqlite3.Connection) -> None:
    file.execute("SELECT * FROM absent")


def without_a_column(file: sqlite3.Connection) -> None:
    file.execute("SELECT absent FROM queues")


@pytest.mark.parametrize(
    ("fail", "says"),
    [
        (full, "database or disk is full"),
        (read_only, "attempt to write a readonly database"),
        (without_a_table, "no such table: absent"),
        (without_a_column, "no such column: absent"),
    ],
)
def test_a_file_that_fails_every_statement_is_unavailable_and_reopened(
    broker: EmbeddedBroker, path: Path, fail: Callable[[sqlite3.Connection], None], says: str
) -> None:
    with Store(path) as store:
        with pytest.raises(BrokerUnavailable, match=f"^{path}: {says}$"), store.writing() as file:
            file.execute(INSERT, ("sms",))
            fail(file)
        # The connection's settings and uncommitted changes are gone with it.
        with store.writing() as file:
            file.execute(INSERT, ("sms",))


def test_a_file_locked_by_an_endless_writer_is_unavailable(
    broker: EmbeddedBroker, path: Path
) -> None:
    with Store(path) as writer, Store(path) as store, writer.writing():
        with pytest.raises(BrokerUnavailable, match="locked"), store.reading() as file:
            file.execute("PRAGMA busy_timeout = 0")
            file.execute(INSERT, ("sms",))
        with store.reading() as file:
            assert file.execute("SELECT name FROM queues").fetchall() == [("email_service_queue",)]


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("disk I/O error"),
        sqlite3.OperationalError("database table is locked"),
        sqlite3.OperationalError("unable to open database file"),
        sqlite3.DatabaseError("database disk image is malformed"),
        sqlite3.DatabaseError("file is not a database"),
        sqlite3.InternalError("a bug of SQLite"),
        PermissionError(13, "Permission denied"),
        OSError(5, "Input/output error"),
    ],
    ids=str,
)
def test_an_error_that_any_statement_would_get_is_an_outage(path: Path, error: Exception) -> None:
    with pytest.raises(BrokerUnavailable, match=path.name) as outage, translated(path):
        raise error
    assert outage.value.__cause__ is error


def a_name_that_is_taken(file: sqlite3.Connection) -> None:
    file.execute(INSERT, ("email_service_queue",))


def too_few_values(file: sqlite3.Connection) -> None:
    file.execute(INSERT, ())


def a_value_that_cannot_be_sent(file: sqlite3.Connection) -> None:
    file.execute(INSERT, (object(),))


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (a_name_that_is_taken, sqlite3.IntegrityError),
        (too_few_values, sqlite3.ProgrammingError),
        (a_value_that_cannot_be_sent, sqlite3.ProgrammingError),
    ],
)
def test_an_error_of_one_statement_is_not_an_outage(
    broker: EmbeddedBroker,
    path: Path,
    fail: Callable[[sqlite3.Connection], None],
    error: type[Exception],
) -> None:
    """Waiting would not help: it is a bug in the code, and ends the process."""
    with Store(path) as store:
        with pytest.raises(error), store.writing() as file:
            fail(file)
        with store.writing() as file:
            file.execute(INSERT, ("sms",))


def test_a_full_disk_confirms_nothing_and_keeps_confirmed_messages(
    broker: EmbeddedBroker, path: Path
) -> None:
    before = messages(3)
    publish(broker, *before)
    full_disk = pytest.raises(BrokerUnavailable, match="full")
    with Store(path) as store, full_disk, store.writing() as file:
        file.execute(INSERT, ("sms",))
        full(file)
    assert broker.depth("email").ready == len(before)
    publish(broker, a_message())
    assert broker.depth("email").ready == len(before) + 1
