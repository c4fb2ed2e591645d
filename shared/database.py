"""A service's own database: SQLite on a laptop, PostgreSQL in earnest, chosen by DATABASE_URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    MetaData,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError, TimeoutError
from sqlalchemy.types import TypeDecorator

from shared.database_address import engine_url
from shared.errors import DatabaseUnavailable

#: Transactions are short and never wait for anything outside, so that a few connections
#: serve many threads.
POOL_SIZE = 5


class Money(TypeDecorator[Decimal]):
    """An amount in whole cents: exact on every database, where SQLite's NUMERIC is a float."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:
        return None if value is None else int(value * 100)

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-2)


class Utc(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC; SQLite would give it back without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def open_database(url: str, *, pool_size: int = POOL_SIZE, autocommit: bool = False) -> Engine:
    """An engine for `sqlite:///…` or `postgresql://…`. Connects when first used, not here.

    With `autocommit`, PostgreSQL commits each statement, and a statement costs one round trip:
    a pooled connection is not asked first whether it still lives. SQLite knows no difference.
    """
    parsed = engine_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, pool_size)
    return create_engine(
        parsed,
        pool_size=pool_size,
        # No more than these: each would cost PostgreSQL a process, and a handshake each time,
        # since a pool closes what it opened beyond its size as soon as it is not needed.
        max_overflow=0,
        pool_pre_ping=not autocommit,
        isolation_level="AUTOCOMMIT" if autocommit else None,
        pool_timeout=10,
        connect_args={
            "connect_timeout": 5,
            "options": "-c lock_timeout=10s -c statement_timeout=30s",
        },
    )


def _sqlite(url: URL, pool_size: int) -> Engine:
    engine = create_engine(url, pool_size=pool_size, pool_timeout=30, connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's driver would begin transactions by itself, and too late.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another one wrote in
    # between, whatever the timeout; BEGIN IMMEDIATE waits for its turn instead.
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction: committed at the end, rolled back on an error. Keep it short."""
    with translated(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and holds up no writer."""
    with translated(), engine.connect().execution_options(read_only=True) as connection:
        yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Raise DatabaseUnavailable for whatever the driver raises when the database is away."""
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError) as error:
        raise DatabaseUnavailable(getattr(error, "orig", None) or error) from error
    except ProgrammingError as error:
        # A table that `migrate` has not made yet. SQLite counts that among the errors above.
        if getattr(error.orig, "sqlstate", None) != "42P01":
            raise
        raise DatabaseUnavailable(error.orig) from error


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, which both databases spell alike."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def create_schema(engine: Engine, metadata: MetaData) -> None:
    """Create what is missing: tables, columns, indexes. The `migrate` step; safe to repeat.

    A column that comes later is one that may be NULL: the rows that are there have nothing in it.
    """
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    with writing(engine) as connection:
        metadata.create_all(connection)
        for column in _missing_columns(connection, metadata):
            _add(connection, column)
        # Those of the tables that were there before.
        for index in [index for table in metadata.sorted_tables for index in table.indexes]:
            index.create(connection, checkfirst=True)


def _add(connection: Connection, column: Column[Any]) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    table, kind = quoted(column.table.name), column.type.compile(connection.dialect)
    # Names and types come from our own schema.
    connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {quoted(column.name)} {kind}"))


def check_schema(engine: Engine, metadata: MetaData) -> None:
    """Raise DatabaseUnavailable while the database is away or `migrate` has not run."""
    with reading(engine) as connection:
        missing = _missing_columns(connection, metadata)
    if missing:
        tables = ", ".join(sorted({column.table.name for column in missing}))
        raise DatabaseUnavailable(
            f"no table {tables}, or not all of its columns: run the service's migrate step first"
        )


def _missing_columns(connection: Connection, metadata: MetaData) -> list[Column[Any]]:
    tables = inspect(connection).get_multi_columns()
    there = {
        (table, column["name"]) for (_, table), columns in tables.items() for column in columns
    }
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if (table.name, column.name) not in there
    ]
