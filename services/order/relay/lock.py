"""Allows one active relay: two would publish every event twice."""

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from shared.database.engine import translated

#: The key of the advisory lock: any number not used for another lock in this database.
LOCK = 7_201_483

#: A frozen relay (a stopped process, a paused machine) leaves its session idle while its kernel
#: keeps the connection alive. PostgreSQL ends the session, and with it the lock, after this time.
#: Longer than a publisher waits for the broker, since the session is idle then too.
FROZEN_SECONDS = 40

#: Sets the lock and its time limit together, so that no relay has one without the other. The
#: setting exists since PostgreSQL 14.
_TRY = text("""
    SELECT pg_try_advisory_lock(:key),
        CASE WHEN current_setting('idle_session_timeout', true) IS NOT NULL
            THEN set_config('idle_session_timeout', :limit, false) END
""").bindparams(key=LOCK, limit=f"{FROZEN_SECONDS}s")


def exclusive(engine: Engine) -> AbstractContextManager[Connection | None]:
    """A connection that holds the lock; None while another relay holds it.

    The lock is released when the context, the process or its connection ends.
    """
    return _on_postgresql(engine) if engine.dialect.name == "postgresql" else _on_sqlite(engine)


@contextmanager
def _on_postgresql(engine: Engine) -> Iterator[Connection | None]:
    """Take the lock in the session that also reads and deletes, so that they end together.

    On a separate connection, it could be lost while this one still publishes. After losing the
    lock, a relay that was frozen can finish the batch in progress, which another relay publishes
    as well, but cannot delete or read anything.
    """
    autocommit = {"isolation_level": "AUTOCOMMIT"}
    with translated(), engine.connect().execution_options(**autocommit) as connection:
        # Back in the pool, the session would stay open and keep the lock; a detached connection
        # ends its session when closed.
        connection.detach()
        with connection.begin():
            is_ours = connection.scalar(_TRY)
        yield connection if is_ours else None


@contextmanager
def _on_sqlite(engine: Engine) -> Iterator[Connection | None]:
    """SQLite runs on one machine, whose operating system releases the locks of dead processes."""
    with Path(f"{engine.url.database}.relay-lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        with translated(), engine.connect() as connection:
            yield connection
