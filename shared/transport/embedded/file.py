"""Creates and opens the file of the embedded broker, and lets writers take turns.

In SQLite's WAL mode, any number of processes read while one writes, and other writers wait for
their turn. All transactions are short; no code waits or works inside of one.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from shared.errors import BrokerUnavailable
from shared.transport.embedded import sql

#: Seconds for which a writer waits for the others: half a lease, so that after a timeout a
#: consumer can retry before its leases expire.
BUSY_TIMEOUT = 5.0
#: Seconds between two attempts of a waiting writer.
TURN = 0.001


def create(path: Path) -> None:
    """Create the file and its tables, unless they exist. No other function creates the file."""
    with translated(path), closing(connect(path, "rwc")) as connection:
        # Needs exclusive access, for which SQLite does not wait, and several processes may be
        # declaring at once.
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
        # FULL: confirmed messages are on the disk and survive a power failure.
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE takes the write lock at once. A transaction that reads first and writes later may
    # fail with an error that no waiting resolves.
    _wait_for(connection, "BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _wait_for(connection: sqlite3.Connection, statement: str) -> None:
    """Retry until no other writer blocks it, for at most BUSY_TIMEOUT.

    SQLite's busy timeout sleeps for growing intervals, up to 0.1 s, while the file becomes free
    every few milliseconds: newer writers would overtake a waiting one again and again.
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
        # The low byte is the primary code; the rest is a detail.
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
