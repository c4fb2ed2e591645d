"""Which errors of SQLite count against an event, and which are an outage."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from sqlalchemy import Column, Engine, Integer, LargeBinary, MetaData, String, Table, event
from sqlalchemy.exc import DBAPIError

from shared.database import create_schema, database_problem, open_database, writing
from shared.disk import DISTRUST_SECONDS, disk_problem
from shared.errors import DatabaseUnavailable

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
    with closing(connect(path)) as file:
        file.execute("DROP TABLE things")


def a_column_is_missing(path: Path) -> None:
    with closing(connect(path)) as file:
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


def test_a_key_that_is_taken_counts_against_the_event(engine: Engine) -> None:
    insert(engine, GOOD)
    with pytest.raises(DBAPIError):
        insert(engine, GOOD)


def test_a_database_that_may_only_be_read_is_not_ready(engine: Engine, sqlite_url: str) -> None:
    read_only = open_database(sqlite_url)
    event.listen(read_only, "connect", lambda it, _record: it.execute("PRAGMA query_only = ON"))
    assert "readonly" in str(database_problem(read_only, metadata))


def test_a_database_whose_disk_was_full_is_not_ready_for_a_while(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable):
        insert(engine, GOOD, "max_page_count = 5")
    assert "full" in str(database_problem(engine, metadata))
    assert disk_problem(engine, lambda: time.monotonic() + DISTRUST_SECONDS) is None
