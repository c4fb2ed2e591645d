"""Creating a database's tables, and migrating them to a new version."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, select

from shared.database.engine import Utc, open_database, writing
from shared.database.schema import check_schema, create_schema
from shared.errors import DatabaseUnavailable


def a_schema(*later: Column[Any]) -> MetaData:
    metadata = MetaData()
    Table("things", metadata, Column("id", Integer, primary_key=True), *later)
    return metadata


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


def test_a_new_column_is_added_and_the_rows_are_kept(engine: Engine) -> None:
    old, new = a_schema(), a_schema(Column("at", Utc), Column("reason", String(64)))
    create_schema(engine, old)
    with writing(engine) as tx:
        tx.execute(old.tables["things"].insert(), {"id": 7})
    with pytest.raises(DatabaseUnavailable, match="things"):
        check_schema(engine, new)
    for _ in range(2):
        create_schema(engine, new)
        check_schema(engine, new)
    with writing(engine) as tx:
        assert tx.execute(select(new.tables["things"])).all() == [(7, None, None)]


def test_without_its_tables_a_service_is_not_ready(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"table things.*is missing"):
        check_schema(engine, a_schema())
