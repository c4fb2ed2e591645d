"""One relay at a time: two of them would publish every event twice."""

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from shared.database.engine import translated

#: The key of the advisory lock. Any number will do, as long as nobody else in this database
#: uses it.
LOCK = 7_201_483

#: A relay that is frozen (a stopped process, a paused machine) asks nothing of its session, but
#: its kernel keeps the connection alive. PostgreSQL ends the session after this time, and with it
#: the lock. Longer than a publisher waits for the broker, as nothing is asked meanwhile either.
FROZEN_SECONDS = 40

#: The lock and its limit together, so that no relay has the one without the other. PostgreSQL
#: knows the setting from version 14 on.
_TRY = text("""
    SELECT pg_try_advisory_lock(:key),
        CASE WHEN current_setting('idle_session_timeout', true) IS NOT NULL
            THEN set_config('idle_session_timeout', :limit, false) END
""").bindparams(key=LOCK, limit=f"{FROZEN_SECONDS}s")


def exclusive(engine: Engine) -> AbstractContextManager[Connection | None]:
    """The connection with which this process alone may relay; None while another one does.

    The lock is free again when the context ends, and when the process or its connection dies.
    """
    return _on_postgresql(engine) if engine.dialect.name == "postgresql" else _on_sqlite(engine)


@contextmanager
def _on_postgresql(engine: Engine) -> Iterator[Connection | None]:
    """The lock belongs to the session that reads and deletes, and so the three end together.

    Taken on another connection, it could be lost while this one still publishes. A relay that
    was frozen and has lost it can finish the batch in its hands, which another one publishes as
    well, but delete nothing and read nothing new.
    """
    autocommit = {"isolation_level": "AUTOCOMMIT"}
    with translated(), engine.connect().execution_options(**autocommit) as connection:
        # Returned to the pool, the session would live on and keep the lock; detached, closing
        # ends it.
        connection.detach()
        with connection.begin():
            is_ours = connection.scalar(_TRY)
        yield connection if is_ours else None


@contextmanager
def _on_sqlite(engine: Engine) -> Iterator[Connection | None]:
    """SQLite has one machine, and there the operating system frees what a dead process held."""
    with Path(f"{engine.url.database}.relay-lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        with translated(), engine.connect() as connection:
            yield connection
