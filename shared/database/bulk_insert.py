"""Inserts many rows with one short statement.

For PostgreSQL, all rows are a single parameter, a JSON text that the server expands: a parameter
for each value would cost four times the processor time, most of it in Python. For SQLite, the
driver's executemany is as fast.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

#: All rows have the same keys, which are names of the table's columns.
Rows = Sequence[Mapping[str, Any]]


def insert_rows(tx: Connection, table: Table, rows: Rows) -> None:
    if rows:
        tx.execute(_statement(table, tuple(rows[0]), tx.dialect.name), _parameters(tx, table, rows))


def insert_new_rows(
    tx: Connection, table: Table, rows: Rows, *, key: Column[Any] | None = None
) -> frozenset[Any]:
    """Insert the rows whose key is new; return those keys. `key`: a unique column, where that is
    not the primary key. Of rows with the same key, the first is inserted.
    """
    if not rows:
        return frozenset()
    statement = _statement(table, tuple(rows[0]), tx.dialect.name)
    unique = _primary_key(table) if key is None else key
    returning = statement.on_conflict_do_nothing().returning(unique)
    return frozenset(tx.scalars(returning, _parameters(tx, table, rows)))


def put_rows(
    tx: Connection,
    table: Table,
    rows: Rows,
    *,
    replaced: Sequence[str],
    where: ColumnElement[bool],
) -> frozenset[Any]:
    """Insert the rows whose primary key is new; in rows that are there and for which `where`
    holds, replace these columns. Return the keys of both.
    """
    if not rows:
        return frozenset()
    key = _primary_key(table)
    statement = _statement(table, tuple(rows[0]), tx.dialect.name)
    new = {name: statement.excluded[name] for name in replaced}
    putting = statement.on_conflict_do_update(index_elements=[key], set_=new, where=where)
    return frozenset(tx.scalars(putting.returning(key), _parameters(tx, table, rows)))


def _primary_key(table: Table) -> Column[Any]:
    [key] = table.primary_key.columns
    return key


@cache
def _statement(
    table: Table, names: tuple[str, ...], dialect: str
) -> postgresql.Insert | sqlite.Insert:
    if dialect != "postgresql":
        return sqlite.insert(table)
    columns = [column(name, table.columns[name].type) for name in names]
    text = cast(bindparam("rows", type_=Text()), JSON)
    rows = func.json_to_recordset(text).table_valued(*columns, name="r")
    source = select(rows.render_derived(with_types=True))
    return postgresql.insert(table).from_select(list(names), source)


def _parameters(tx: Connection, table: Table, rows: Rows) -> Any:
    if tx.dialect.name != "postgresql":
        return rows
    convert = _converters(table, tuple(rows[0]), tx.dialect)
    plain = [{name: convert[name](value) for name, value in row.items()} for row in rows]
    return {"rows": msgspec.json.encode(plain).decode()}


def _converters(table: Table, names: tuple[str, ...], dialect: Dialect) -> dict[str, Any]:
    """For each column, its type's conversion of a value for the driver (Money: to cents)."""
    processors = {name: table.columns[name].type.bind_processor(dialect) for name in names}
    return {name: processor or _as_it_is for name, processor in processors.items()}


def _as_it_is(value: Any) -> Any:
    return value
