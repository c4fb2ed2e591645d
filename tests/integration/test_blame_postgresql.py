"""Which errors of PostgreSQL count against an event, and which are an outage."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, text
from sqlalchemy.exc import DBAPIError

from shared.database.engine import open_database, writing
from shared.database.schema import create_schema, database_problem
from shared.errors import DatabaseUnavailable
from tests.fakes import in_threads

metadata = MetaData()
things = Table(
    "things", metadata, Column("id", Integer, primary_key=True), Column("name", String(8))
)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = open_database(postgres_url)
    create_schema(engine, metadata)
    yield engine
    engine.dispose()


def insert(engine: Engine, id: int = 1, name: str = "one") -> None:
    with writing(engine) as tx:
        tx.execute(things.insert(), {"id": id, "name": name})


def as_admin(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        for statement in statements:
            admin.execute(statement.encode())


def fail_with(engine: Engine, sqlstate: str) -> None:
    with writing(engine) as tx:
        tx.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'so' USING ERRCODE = '{sqlstate}'; END $$"))


@pytest.mark.parametrize(
    "sqlstate",
    [
        "0A000",  # a cached plan whose result has changed
        "25006",  # read-only
        "40001",  # serialization failure
        "40P01",  # deadlock
        "42501",  # permission denied
        "42601",  # syntax
        "42703",  # no such column
        "42P01",  # no such table
        "53100",  # disk full
        "53200",  # out of memory
        "53300",  # too many connections
        "55P03",  # lock not available
        "57014",  # statement timeout
        "57P01",  # admin shutdown
        "57P03",  # starting up, in recovery
        "58030",  # I/O error
        "XX001",  # data corrupted
    ],
)
def test_an_error_that_is_not_the_statements_fault_is_an_outage(
    engine: Engine, sqlstate: str
) -> None:
    with pytest.raises(DatabaseUnavailable):
        fail_with(engine, sqlstate)


@pytest.mark.parametrize("sqlstate", ["21000", "22003", "22021", "23505", "23514", "54000"])
def test_an_error_that_is_the_statements_fault_counts_against_the_event(
    engine: Engine, sqlstate: str
) -> None:
    with pytest.raises(DBAPIError):
        fail_with(engine, sqlstate)


def test_values_that_do_not_fit_count_against_the_event(engine: Engine) -> None:
    insert(engine)
    for id, name in [(1, "again"), (2**40, "too large"), (2, "NUL \0"), (3, "a long name")]:
        with pytest.raises(DBAPIError):
            insert(engine, id, name)


def it_is_read_only(url: str, name: str) -> None:
    as_admin(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")


def a_permission_is_missing(url: str, _name: str) -> None:
    as_admin(url, "REVOKE ALL ON things FROM worker")


def a_column_is_missing(url: str, _name: str) -> None:
    as_admin(url, "ALTER TABLE things DROP COLUMN name")


def it_refuses_connections(url: str, name: str) -> None:
    as_admin(url, f"ALTER DATABASE {name} CONNECTION LIMIT 0")


@pytest.mark.parametrize(
    "damage",
    [
        it_is_read_only,
        a_permission_is_missing,
        a_column_is_missing,
        it_refuses_connections,
    ],
)
def test_a_database_that_fails_every_statement_is_unavailable(
    engine: Engine, postgres_url: str, damage: Callable[[str, str], None]
) -> None:
    name = postgres_url.rpartition("/")[2]
    role = "CREATE ROLE worker LOGIN"
    as_admin(postgres_url, f"DO $$ BEGIN {role}; EXCEPTION WHEN duplicate_object THEN END $$")
    as_admin(postgres_url, "GRANT ALL ON things TO worker")
    worker = open_database(postgres_url.replace("postgres@", "worker@"))
    insert(worker)
    assert database_problem(worker, metadata) is None
    worker.dispose()
    damage(postgres_url, name)
    assert database_problem(worker, metadata)
    with pytest.raises(DatabaseUnavailable):
        insert(worker, 2, "two")
    worker.dispose()


def test_a_database_is_not_ready_for_a_while_after_a_full_disk(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable):
        fail_with(engine, "53100")
    assert str(database_problem(engine, metadata)).startswith("database is unavailable: so")


def test_a_read_only_server_is_disconnected_to_find_the_new_primary(engine: Engine) -> None:
    with writing(engine) as tx:
        before = tx.scalar(text("SELECT pg_backend_pid()"))
    with pytest.raises(DatabaseUnavailable):
        fail_with(engine, "25006")
    with writing(engine) as tx:
        assert tx.scalar(text("SELECT pg_backend_pid()")) != before


def test_a_transaction_ended_for_being_idle_is_an_outage(engine: Engine) -> None:
    def idle() -> None:
        with writing(engine) as tx:
            tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 50"))
            time.sleep(0.3)
            tx.execute(things.insert(), {"id": 1, "name": "one"})

    with pytest.raises(DatabaseUnavailable):
        idle()
    insert(engine)


def test_a_session_ended_by_an_administrator_is_an_outage(
    engine: Engine, postgres_url: str
) -> None:
    def work() -> None:
        with writing(engine) as tx:
            pid = tx.scalar(text("SELECT pg_backend_pid()"))
            as_admin(postgres_url, f"SELECT pg_terminate_backend({pid}, 5000)")
            tx.execute(things.insert(), {"id": 1, "name": "one"})

    with pytest.raises(DatabaseUnavailable):
        work()


def test_a_deadlock_is_an_outage_for_one_of_two_transactions(engine: Engine) -> None:
    insert(engine, 1)
    insert(engine, 2)
    order = iter([(1, 2), (2, 1)])

    def work() -> str:
        with writing(engine) as tx:
            for id in next(order):
                tx.execute(things.update().where(things.c.id == id).values(name="both"))
                time.sleep(0.3)
        return "done"

    results = in_threads(2, work)
    assert sorted(type(result).__name__ for result in results) == ["DatabaseUnavailable", "str"]
