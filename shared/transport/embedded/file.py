"""The file of the embedded broker: where it is, how it is opened, and whose turn it is to write.

SQLite in WAL mode: any number of processes read while one writes, and the next writer waits
for its turn. All transactions here are short; nobody waits or works inside of one.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from shared.errors import BrokerUnavailable
from shared.transport.embedded import sql

#: Seconds for which a writer waits for the others: half a lease, so that a consumer that waited
#: in vain can try again before it loses what it has in hand.
BUSY_TIMEOUT = 5.0
#: Seconds between two attempts of one that waits.
TURN = 0.001


def create(path: Path) -> None:
    """Make the file with its tables, unless it is there. The only thing that makes one."""
    with translated(path), closing(connect(path, "rwc")) as connection:
        # Possible only while nobody else has the file open, for which SQLite does not wait by
        # itself, and several processes may be declaring at once.
        _wait_for(connection, "PRAGMA journal_mode = WAL")
        with transaction(connection):
            for statement in sql.SCHEMA:
                connection.execute(statement)


def connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        # FULL: what was confirmed is on the disk and survives a loss of power.
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE takes the write lock at once. A transaction that first reads and later wants to
    # write may find that it cannot, and then no waiting helps.
    _wait_for(connection, "BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _wait_for(connection: sqlite3.Connection, statement: str) -> None:
    """Try until nobody is in the way, for at most BUSY_TIMEOUT.

    SQLite's own way of waiting sleeps longer the longer it has waited, up to 0.1 s, while the
    file becomes free every few milliseconds: whoever waits is overtaken again and again.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while not _done(connection, statement, last=time.monotonic() > deadline):
            time.sleep(TURN)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000:.0f}")


def _done(connection: sqlite3.Connection, statement: str, *, last: bool) -> bool:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        # The low byte is the kind; above it stands who is busy with what.
        if last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


@contextmanager
def translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (sqlite3.DatabaseError, OSError) as error:
        raise BrokerUnavailable(f"{path}: {error}") from error


def identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
