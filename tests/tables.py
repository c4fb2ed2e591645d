"""The content of a database, to check that a request has changed nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, MetaData, event, select
from sqlalchemy.pool import Pool


def content(engine: Engine, metadata: MetaData) -> dict[str, list[Any]]:
    """Every row of every table."""
    with engine.connect().execution_options(read_only=True) as tx:
        return {
            name: sorted(map(tuple, tx.execute(select(table))), key=repr)
            for name, table in metadata.tables.items()
        }


@contextmanager
def connections_closed() -> Iterator[None]:
    """Close every connection opened in the block, also those of unreachable engines."""
    opened: list[Any] = []

    def remember(connection: Any, _record: Any) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", remember)
    try:
        yield
    finally:
        event.remove(Pool, "connect", remember)
        for connection in opened:
            connection.close()
