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
    statement = _inserting_new(table, tuple(rows[0]), tx.dialect.name, key)
    return frozenset(tx.scalars(statement, _parameters(tx, table, rows)))


class Putting:
    """Inserts the rows whose primary key is new. In rows that are there and for which `where` holds
    it replaces these columns. A bound parameter in `where` is given with each call.
    """

    def __init__(
        self, table: Table, replaced: Sequence[str], *, where: ColumnElement[bool]
    ) -> None:
        self._table = table
        self._replaced = replaced
        self._where = where
        self._statements: dict[str, Any] = {}

    def put(self, tx: Connection, rows: Rows, **bound: Any) -> frozenset[Any]:
        """Return the keys of the rows that were inserted or replaced."""
        if not rows:
            return frozenset()
        found = _parameters(tx, self._table, rows)
        parameters = {**found, **bound} if isinstance(found, dict) else [r | bound for r in found]
        return frozenset(tx.scalars(self._statement(tx, tuple(rows[0])), parameters))

    def _statement(self, tx: Connection, names: tuple[str, ...]) -> Any:
        """Made once: making it takes longer than PostgreSQL does."""
        dialect = tx.dialect.name
        if dialect not in self._statements:
            key, insert = _primary_key(self._table), _statement(self._table, names, dialect)
            new = {name: insert.excluded[name] for name in self._replaced}
            putting = insert.on_conflict_do_update(
                index_elements=[key], set_=new, where=self._where
            )
            self._statements[dialect] = putting.returning(key)
        return self._statements[dialect]


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


@cache
def _inserting_new(
    table: Table, names: tuple[str, ...], dialect: str, key: Column[Any] | None
) -> Any:
    unique = _primary_key(table) if key is None else key
    return _statement(table, names, dialect).on_conflict_do_nothing().returning(unique)


def _parameters(tx: Connection, table: Table, rows: Rows) -> Any:
    if tx.dialect.name != "postgresql":
        return rows
    convert = _converters(table, tuple(rows[0]), tx.dialect)
    plain = [{name: convert[name](value) for name, value in row.items()} for row in rows]
    return {"rows": msgspec.json.encode(plain).decode()}


def _converters(table: Table, names: tuple[str, ...], dialect: Dialect) -> dict[str, Any]:
    """For each column, its type's conversion of a value for the driver (Money: to cents)."""
    types = {name: table.columns[name].type for name in names}
    # A JSON value becomes part of the JSON text as it is.
    processors = {
        name: None if isinstance(type, JSON) else type.bind_processor(dialect)
        for name, type in types.items()
    }
    return {name: processor or _as_it_is for name, processor in processors.items()}


def _as_it_is(value: Any) -> Any:
    return value
