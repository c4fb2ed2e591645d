"""A connection to the embedded broker's file, shared by the threads of a process."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.transport.embedded.file import connect, identity, transaction, translated


class Store:
    """One connection to the file, opened when first used, and safe to use from any thread.

    Raises BrokerUnavailable, with the name of the file, if the file cannot be used; the next use
    reopens it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self._path):
            try:
                yield self._opened()
            except (sqlite3.Error, OSError):
                self._disconnect()
                raise

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end and rolled back by an exception."""
        with self.reading() as connection, transaction(connection):
            yield connection

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._identity = identity(self._path)
            self._connection = connect(self._path, "rw")
        elif self._identity != identity(self._path):
            # SQLite would keep using a file that was deleted or replaced, and would lose all
            # messages confirmed since then.
            raise FileNotFoundError("the file was replaced")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        with self._lock, translated(self._path):
            self._disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()
