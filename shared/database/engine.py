"""A service's own database: SQLite on a laptop, PostgreSQL in production; DATABASE_URL decides."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Engine,
    ExceptionContext,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.types import TypeDecorator

from shared.database.address import engine_url
from shared.database.error_blame import READ_ONLY, blames_statement, sqlstate
from shared.database.full_disk import watch_disk
from shared.database.postgresql_session import connect_arguments, prepare_session
from shared.errors import DatabaseUnavailable
from shared.tls import explain_tls

#: Transactions are short and never wait for other systems, so a few connections serve many
#: threads.
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
    """A point in time, always aware and in UTC; SQLite alone would return it without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def open_database(url: str, *, pool_size: int = POOL_SIZE, autocommit: bool = False) -> Engine:
    """An engine for `sqlite:///…` or `postgresql://…`. It connects when first used.

    With `autocommit`, PostgreSQL commits each statement, which costs one round trip: pooled
    connections are not pinged first. It makes no difference for SQLite.
    """
    parsed = engine_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, pool_size)
    return _postgresql(parsed, pool_size, autocommit=autocommit)


def _postgresql(url: URL, pool_size: int, *, autocommit: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        # No overflow: each such connection costs PostgreSQL a process and a handshake every time,
        # since the pool closes it as soon as it is not needed.
        max_overflow=0,
        pool_pre_ping=not autocommit,
        isolation_level="AUTOCOMMIT" if autocommit else None,
        pool_timeout=10,
        connect_args=connect_arguments(url.query),
    )
    event.listen(engine, "connect", prepare_session)
    event.listen(engine, "handle_error", _leave_a_read_only_server)
    watch_disk(engine)
    return engine


def _leave_a_read_only_server(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if isinstance(error, DBAPIError) and sqlstate(error) == READ_ONLY:
        # The server may no longer be the primary: a new connection reaches the new one.
        context.is_disconnect = True


def _sqlite(url: URL, pool_size: int) -> Engine:
    engine = create_engine(url, pool_size=pool_size, pool_timeout=30, connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    watch_disk(engine)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's driver would begin transactions implicitly, and too late.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once if another one wrote in
    # between, regardless of the timeout. BEGIN IMMEDIATE waits for its turn instead.
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction: committed at the end, rolled back on an error. Keep it short."""
    with translated(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read-only transaction, which blocks no writer."""
    with translated(), engine.connect().execution_options(read_only=True) as connection:
        yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Convert every error that is not the statement's fault into DatabaseUnavailable."""
    try:
        yield
    except TimeoutError as error:
        raise DatabaseUnavailable(error) from error
    except DBAPIError as error:
        if blames_statement(error):
            raise
        raise DatabaseUnavailable(explain_tls(error.orig, "sslrootcert in DATABASE_URL")) from error


def clock_of(tx: Connection) -> float:
    """Seconds since 1970 by the database's clock, which is the same for every replica.

    Read it after locking the row: the wait for the lock can take any time.
    """
    if tx.dialect.name == "postgresql":
        # Not now(), which is the start of the transaction.
        return float(tx.scalar(text("SELECT extract(epoch FROM clock_timestamp())")))
    # A file is used by one machine, and writers hold the lock before their first statement.
    return time.time()


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that supports ON CONFLICT, which has the same syntax in both databases."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
