"""The tests of tests/unit/shared/database/test_schema.py on PostgreSQL instead of SQLite.

Also checks that connections to a dead peer end.
"""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import (
    Column,
    Engine,
    Integer,
    MetaData,
    Table,
    create_engine,
    inspect,
    select,
    text,
)

from shared.database.address import engine_url
from shared.database.bulk_insert import insert_rows
from shared.database.engine import Utc, open_database, reading, writing
from shared.database.schema import check_schema, create_schema
from shared.errors import DatabaseUnavailable
from tests.unit.shared.database.test_schema import *  # noqa: F403 (its tests are run again here)
from tests.waiting import eventually


@pytest.fixture(params=[False, True], ids=["in transactions", "autocommit"])
def any_engine(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = open_database(postgres_url, autocommit=request.param)
    yield engine
    engine.dispose()


def fail(engine: Engine) -> None:
    """Roll a transaction back, which would also undo settings made inside it."""
    with pytest.raises(DatabaseUnavailable), writing(engine) as tx:
        tx.execute(text("SELECT * FROM nowhere"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lock_timeout", "10s"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "2"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "10000"),
    ],
)
def test_postgresql_ends_the_session_of_a_dead_client(
    any_engine: Engine, name: str, value: str
) -> None:
    fail(any_engine)
    with reading(any_engine) as tx:
        assert tx.scalar(text(f"SHOW {name}")) == value


def test_a_migration_and_a_transaction_on_two_tables_do_not_deadlock(
    postgres_url: str,
) -> None:
    def tables(index: bool, *later: str) -> MetaData:
        metadata = MetaData()
        Table("first", metadata, Column("id", Integer, index=index))
        Table("second", metadata, Column("id", Integer), *(Column(name, Integer) for name in later))
        return metadata

    engine = open_database(postgres_url)
    create_schema(engine, tables(False))
    with engine.begin() as work, ThreadPoolExecutor(1) as migration:
        work.execute(text("INSERT INTO first VALUES (1)"))
        migrated = migration.submit(create_schema, engine, tables(True, "later"))
        wait_for_lock(engine, "first")
        work.execute(text("INSERT INTO second VALUES (1)"))
        work.commit()
        migrated.result(timeout=10)
    check_schema(engine, tables(True, "later"))
    assert [index["name"] for index in inspect(engine).get_indexes("first")] == ["ix_first_id"]
    engine.dispose()


def wait_for_lock(engine: Engine, table: str) -> None:
    waits = text(
        "SELECT count(*) FROM pg_locks WHERE relation = CAST(:t AS regclass) AND NOT granted"
    )

    def a_session_is_waiting() -> bool:
        with reading(engine) as tx:
            return bool(tx.scalar(waits, {"t": table}))

    eventually(a_session_is_waiting)


def test_settings_in_the_database_url_win(postgres_url: str) -> None:
    """Both libpq parameters and the session settings in `options`."""
    ours = "connect_timeout=3&tcp_user_timeout=7000&keepalives_idle=9"
    engine = open_database(f"{postgres_url}?{ours}&options=-c%20statement_timeout%3D90s")
    with reading(engine) as tx:
        session = [tx.scalar(text(f"SHOW {name}_timeout")) for name in ("statement", "lock")]
        connection = tx.connection.driver_connection
        assert connection is not None
        parameters = connection.info.get_parameters()
    engine.dispose()
    assert session == ["90s", "10s"]
    names = ("connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_count")
    assert [parameters[name] for name in names] == ["3", "7000", "9", "3"]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_times_do_not_depend_on_the_roles_time_zone_and_date_style(
    postgres_url: str, zone: str
) -> None:
    """Also at the first and last hours that Python can represent."""
    setup = create_engine(engine_url(postgres_url), isolation_level="AUTOCOMMIT")
    role = f"role_of_{zone[:4].lower()}"
    with setup.connect() as connection:
        for statement in (
            f"DROP ROLE IF EXISTS {role}",
            f"CREATE ROLE {role} LOGIN SUPERUSER",
            f"ALTER ROLE {role} SET TimeZone = '{zone}'",
            f"ALTER ROLE {role} SET DateStyle = 'SQL, DMY'",
        ):
            connection.execute(text(statement))
    setup.dispose()
    engine = open_database(postgres_url.replace("postgres@", f"{role}@"))
    times = Table("times", MetaData(), Column("at", Utc, primary_key=True))
    create_schema(engine, times.metadata)
    written = ["0001-01-01T00:00:00Z", "2026-03-04T05:06:07Z", "9999-12-31T23:59:59Z"]
    rows = [{"at": datetime.fromisoformat(time)} for time in written]
    with writing(engine) as tx:
        insert_rows(tx, times, rows)
    with reading(engine) as tx:
        found = list(tx.scalars(select(times.c.at).order_by(times.c.at)))
        as_text = list(tx.scalars(text("SELECT at::text FROM times ORDER BY at")))
    engine.dispose()
    assert found == [row["at"] for row in rows]
    assert as_text[1] == "2026-03-04 05:06:07+00"


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="an option of Linux")
def test_a_connection_to_a_dead_server_ends(any_engine: Engine) -> None:
    with any_engine.connect() as connection:
        descriptor = connection.connection.driver_connection.fileno()  # type: ignore[union-attr]
        with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as ours:
            names = ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            options = [ours.getsockopt(socket.IPPROTO_TCP, getattr(socket, n)) for n in names]
    assert options == [10_000, 5, 2, 3]


def test_startup_parameters_are_accepted_by_pgbouncer() -> None:
    """PgBouncer closes a connection that starts with a parameter it does not know."""
    asked: list[bytes] = []

    def listen() -> None:
        client, _address = listener.accept()
        with client:
            asked.append(client.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        with (
            pytest.raises(DatabaseUnavailable),
            reading(
                open_database(f"postgresql://somebody@127.0.0.1:{port}/orders?sslmode=disable")
            ) as tx,
        ):
            tx.execute(text("SELECT 1"))
    fields = asked[0][8:].split(b"\0")
    assert set(fields[:-2:2]) == {b"user", b"database"}
