"""Creates and extends a database's tables (`migrate`), and checks them before use."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ClauseElement,
    Column,
    Connection,
    Dialect,
    Engine,
    MetaData,
    false,
    inspect,
    select,
    text,
)

from shared.database.engine import reading, translated, writing
from shared.database.full_disk import disk_problem
from shared.database.pooler_sessions import check_sessions
from shared.errors import DatabaseUnavailable


def create_schema(engine: Engine, metadata: MetaData) -> None:
    """Create missing tables, columns and indexes. The `migrate` step; safe to repeat.

    A column that is added later has to be nullable, since existing rows have no value for it.
    Each change has its own transaction: one that locked several tables could deadlock with a
    running service that writes to them.
    """
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    with _changing(engine) as tx:
        metadata.create_all(tx)
        missing = _missing_columns(tx, metadata)
    for column in missing:
        with _changing(engine) as tx:
            _add(tx, column)
    # The missing indexes of tables that already existed.
    for index in [index for table in metadata.sorted_tables for index in table.indexes]:
        with _changing(engine) as tx:
            index.create(tx, checkfirst=True)


@contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as tx:
        if tx.dialect.name == "postgresql":
            # Indexing all orders may take longer than the limit for other statements.
            tx.execute(text("SET LOCAL statement_timeout = 0"))
        yield tx


def _add(connection: Connection, column: Column[Any]) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    table, kind = quoted(column.table.name), column.type.compile(connection.dialect)
    # Names and types come from our own schema.
    connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {quoted(column.name)} {kind}"))


def check_schema(engine: Engine, metadata: MetaData) -> None:
    """Raise DatabaseUnavailable if the database cannot be used or `migrate` has not run."""
    if engine.dialect.name == "postgresql":
        with translated():
            check_sessions(engine)
    with reading(engine) as connection:
        missing = _missing_columns(connection, metadata)
    if missing:
        tables = ", ".join(sorted({column.table.name for column in missing}))
        raise DatabaseUnavailable(
            f"table {tables}, or a column of it, is missing: run the service's migrate step first"
        )
    check_writable(engine, metadata)


def check_writable(engine: Engine, metadata: MetaData) -> None:
    """Raise DatabaseUnavailable unless every table is writable and the disk was not full recently.

    Writes nothing: the statements match no row, but the database still checks permissions.
    """
    if problem := disk_problem(engine):
        raise DatabaseUnavailable(problem)
    with writing(engine) as tx:
        for statement in _writing_no_rows(metadata, tx.dialect):
            tx.exec_driver_sql(statement)


@cache
def _writing_no_rows(metadata: MetaData, dialect: Dialect) -> Sequence[str]:
    statements: list[ClauseElement] = []
    for table in metadata.sorted_tables:
        names = table.columns.keys()
        none = select(table).where(false())
        statements += [
            table.insert().from_select(names, none, include_defaults=False),
            table.update().values(dict(table.columns)).where(false()),
            table.delete().where(false()),
        ]
    texts = [str(statement.compile(dialect=dialect)) for statement in statements]
    # PostgreSQL accepts all of them at once, in one round trip.
    return [";".join(texts)] if dialect.name == "postgresql" else texts


def database_problem(engine: Engine, metadata: MetaData) -> str | None:
    """The reason why the database is not ready, for `/health/ready`; None if it is."""
    try:
        check_writable(engine, metadata)
    except DatabaseUnavailable as error:
        return str(error)
    return None


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
