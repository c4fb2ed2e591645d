"""The embedded broker's file: its tables, its transactions, its rows.

SQLite in WAL mode: any number of processes read while one writes, and the next writer waits
for its turn. All transactions here are short; nobody waits or works inside of one.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shared.errors import BrokerUnavailable, SettingsError
from shared.transport import embedded_sql as sql
from shared.transport.message import Failure, Message

#: Seconds for which a writer waits for the others: half a lease, so that a consumer that waited
#: in vain can try again before it loses what it has in hand.
BUSY_TIMEOUT = 5.0
#: Seconds between two attempts of one that waits.
TURN = 0.001

#: Seconds for which a message is kept at least: longer, while a queue or a dead letter holds it.
RETENTION = 7 * 24 * 3600.0
#: Seconds between two searches of one publisher for messages that are older than that.
TIDY_EVERY = 60.0
#: So many go in one transaction, that of a publisher.
TIDY_BATCH = 1_000

Clock = Callable[[], float]
Row = Sequence[Any]


def to_message(row: Row) -> Message:
    return Message(
        id=row[0],
        type=row[1],
        source=row[2],
        time=row[3],
        key=row[4],
        traceparent=row[5],
        body=row[6],
        attempt=row[7],
        first_failure=None if row[8] is None else Failure(row[8], row[9]),
        last_failure=None if row[10] is None else Failure(row[10], row[11]),
    )


def history_of(message: Message) -> Row:
    """The values of attempt, first_failure … last_failure_at."""
    first, last = message.first_failure, message.last_failure
    return (
        message.attempt,
        first and first.reason,
        first and first.at,
        last and last.reason,
        last and last.at,
    )


def path_of(url: str) -> Path:
    """The file behind `sqlite:///relative` or `sqlite:////absolute`, as SQLAlchemy writes it."""
    name = url.removeprefix("sqlite:///")
    if name == url or name in ("", ":memory:"):
        raise SettingsError(f"BROKER_URL takes sqlite:///path/to/a/file, not {url}")
    # Absolute now: a process may change its directory before it first connects.
    return Path(name).absolute()


def create(path: Path) -> None:
    """Make the file with its tables, unless it is there. The only thing that makes one."""
    with _translated(path), closing(_connect(path, "rwc")) as connection:
        # Possible only while nobody else has the file open, for which SQLite does not wait by
        # itself, and several processes may be declaring at once.
        _wait_for(connection, "PRAGMA journal_mode = WAL")
        with _transaction(connection):
            for statement in sql.SCHEMA:
                connection.execute(statement)


class Tidier:
    """Removes expired messages in somebody else's transactions, a bounded number in each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = 0.0

    def tidy(self, file: sqlite3.Connection) -> None:
        now = self._clock()
        if now < self._next:
            return
        removed = file.execute(sql.REMOVE_EXPIRED, (now - RETENTION, TIDY_BATCH)).rowcount
        # A full batch means that there is more: it goes with the next publishing.
        self._next = now if removed == TIDY_BATCH else now + TIDY_EVERY


class Store:
    """One connection to the file, safe to use from any thread; it opens when first used.

    Whatever makes the file unusable raises BrokerUnavailable, which names the file; the next
    use opens it anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated(self._path):
            try:
                yield self._opened()
            except (sqlite3.Error, OSError):
                self._disconnect()
                raise

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end and rolled back by an exception."""
        with self.reading() as connection, _transaction(connection):
            yield connection

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._identity = _identity(self._path)
            self._connection = _connect(self._path, "rw")
        elif self._identity != _identity(self._path):
            # SQLite would go on with a file that was deleted or replaced, and what it confirmed
            # from then on would be lost.
            raise FileNotFoundError("the file was replaced")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        with self._lock, _translated(self._path):
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


def _connect(path: Path, mode: str) -> sqlite3.Connection:
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
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
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
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (sqlite3.DatabaseError, OSError) as error:
        raise BrokerUnavailable(f"{path}: {error}") from error


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
