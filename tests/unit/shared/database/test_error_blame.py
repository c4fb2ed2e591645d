"""Which errors of SQLite count against an event, and which are an outage."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, LargeBinary, MetaData, String, Table, event
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from shared.database.engine import open_database, writing
from shared.database.error_blame import blames_statement, is_about_disk
from shared.database.full_disk import DISTRUST_SECONDS, disk_problem
from shared.database.schema import create_schema, database_problem
from shared.errors import DatabaseUnavailable
from shared.sqlite_address import sqlite_url as address_of

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(8), nullable=False),
    Column("data", LargeBinary),
)
GOOD = {"id": 1, "name": "one", "data": b"x" * 20_000}


@pytest.fixture
def engine(sqlite_url: str) -> Engine:
    engine = open_database(sqlite_url)
    create_schema(engine, metadata)
    engine.dispose()
    return engine


def insert(engine: Engine, row: dict[str, object], pragma: str = "") -> None:
    with writing(engine) as tx:
        if pragma:
            tx.exec_driver_sql(f"PRAGMA {pragma}")
        tx.execute(things.insert(), row)


@pytest.mark.parametrize(
    ("pragma", "says"),
    [
        pytest.param("query_only = ON", "readonly", id="read-only"),
        pytest.param("max_page_count = 5", "full", id="the disk is full"),
    ],
)
def test_a_database_that_cannot_be_written_is_unavailable(
    engine: Engine, pragma: str, says: str
) -> None:
    with pytest.raises(DatabaseUnavailable, match=says):
        insert(engine, GOOD, pragma)


def the_table_is_missing(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE things")


def a_column_is_missing(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("ALTER TABLE things DROP COLUMN data")


def it_is_no_database(path: Path) -> None:
    path.write_bytes(b"something else" * 1000)


def its_pages_are_damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (path.stat().st_size - 100))


def its_folder_is_gone(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


@pytest.mark.parametrize(
    "damage",
    [
        the_table_is_missing,
        a_column_is_missing,
        it_is_no_database,
        its_pages_are_damaged,
        its_folder_is_gone,
    ],
)
def test_a_database_that_fails_every_statement_is_unavailable(
    engine: Engine, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    assert database_problem(engine, metadata) is None
    engine.dispose()
    damage(tmp_path / "test.db")
    assert database_problem(engine, metadata)
    with pytest.raises(DatabaseUnavailable):
        insert(engine, GOOD)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(GOOD | {"name": None}, id="nothing where something has to be"),
        pytest.param(GOOD | {"id": "one"}, id="another type"),
        pytest.param(GOOD | {"name": object()}, id="a value that the driver cannot send"),
    ],
)
def test_values_that_do_not_fit_count_against_the_event(
    engine: Engine, row: dict[str, object]
) -> None:
    with pytest.raises(DBAPIError):
        insert(engine, row)


def test_a_duplicate_key_counts_against_the_event(engine: Engine) -> None:
    insert(engine, GOOD)
    with pytest.raises(DBAPIError):
        insert(engine, GOOD)


class Raised(Exception):
    """A driver's error: psycopg's errors have an SQLSTATE, and SQLite's a code."""

    def __init__(self, *, sqlstate: str | None = None, code: int | None = None) -> None:
        super().__init__("no")
        self.sqlstate = sqlstate
        self.sqlite_errorcode = code


def raised(
    of: type[DBAPIError], *, statement: str | None = "INSERT", **how: str | int | None
) -> DBAPIError:
    return of(statement, None, Raised(**how))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "is_to_blame"),
    [
        ("21000", True),  # a subquery with several rows
        ("22003", True),  # a number out of range
        ("23505", True),  # a duplicate key
        ("40001", False),  # a deadlock
        ("42501", False),  # a missing permission
        ("42703", False),  # a missing column
        ("44000", True),  # a row that a view refuses
        ("53100", False),  # a full disk
        ("54000", True),  # a value too large for an index
        ("57P01", False),  # an administrator stops the server
        ("25006", False),  # a read-only database
    ],
)
def test_postgresqls_sqlstate_decides(state: str, is_to_blame: bool) -> None:
    for of in (OperationalError, DataError):
        assert blames_statement(raised(of, sqlstate=state)) is is_to_blame


@pytest.mark.parametrize(
    ("of", "is_to_blame"),
    [
        (DataError, True),
        (IntegrityError, True),
        (NotSupportedError, True),
        (ProgrammingError, True),
        (OperationalError, False),
        (InternalError, False),
        (DatabaseError, False),
    ],
)
def test_without_an_sqlstate_the_kind_of_error_decides(
    of: type[DBAPIError], is_to_blame: bool
) -> None:
    assert blames_statement(raised(of)) is is_to_blame
    # psycopg raises ProgrammingError for an invalid address.
    assert blames_statement(raised(of, statement=None)) is False


@pytest.mark.parametrize(
    ("how", "is_about_it"),
    [
        ({"sqlstate": "53100"}, True),  # disk full
        ({"sqlstate": "58030"}, True),  # I/O error
        ({"sqlstate": "53200"}, False),  # out of memory
        ({"code": sqlite3.SQLITE_FULL}, True),
        ({"code": sqlite3.SQLITE_IOERR}, True),
        ({"code": sqlite3.SQLITE_IOERR_WRITE}, True),
        ({"code": sqlite3.SQLITE_IOERR_FSYNC}, True),
        ({"code": sqlite3.SQLITE_BUSY}, False),
        ({"code": sqlite3.SQLITE_BUSY_SNAPSHOT}, False),
        ({"code": sqlite3.SQLITE_READONLY}, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_full_or_broken_disk_is_recognised_by_its_code(
    how: dict[str, Any], is_about_it: bool
) -> None:
    assert is_about_disk(raised(OperationalError, **how)) is is_about_it


def test_a_full_disk_of_one_database_does_not_affect_another(
    engine: Engine, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseUnavailable):
        insert(engine, GOOD, "max_page_count = 5")
    assert disk_problem(open_database(address_of(tmp_path / "another.db"))) is None


def test_other_errors_do_not_make_the_disk_suspect(engine: Engine) -> None:
    with pytest.raises(DBAPIError):
        insert(engine, GOOD | {"name": None})
    with pytest.raises(DatabaseUnavailable):
        insert(engine, GOOD, "query_only = ON")
    assert disk_problem(engine) is None


def test_a_read_only_database_is_not_ready(engine: Engine, sqlite_url: str) -> None:
    read_only = open_database(sqlite_url)
    event.listen(read_only, "connect", lambda it, _record: it.execute("PRAGMA query_only = ON"))
    assert "readonly" in str(database_problem(read_only, metadata))


def test_a_database_is_not_ready_for_a_while_after_a_full_disk(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable):
        insert(engine, GOOD, "max_page_count = 5")
    assert "full" in str(database_problem(engine, metadata))
    assert disk_problem(engine, lambda: time.monotonic() + DISTRUST_SECONDS) is None
