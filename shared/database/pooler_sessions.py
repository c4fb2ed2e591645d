"""Detects a connection pooler that shares sessions between clients.

Locks, timeouts and prepared statements belong to a session. PgBouncer's pool modes `transaction`
and `statement` run each transaction on any free session, so a lock stays with a session that
other clients use, and every one of them holds it.
"""

import uuid
from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection, Engine, text

from shared.errors import DatabaseUnavailable

if TYPE_CHECKING:
    import psycopg

#: A notification takes a millisecond.
PATIENCE_SECONDS = 2.0

SHARED = (
    "a connection pooler assigns a session for one transaction only, but locks and timeouts need "
    "it for longer: connect directly, or set this user's pool mode to `session`"
)


def check_sessions(engine: Engine) -> None:
    """Raise DatabaseUnavailable behind a pooler that shares sessions.

    Between transactions, a client of such a pooler has no session, so no notification can reach
    it. Comparing two backend PIDs would prove nothing: without other clients they are equal.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as ours:
        if _is_pooled(ours) and not _is_notified(ours, engine):
            raise DatabaseUnavailable(SHARED)


def _is_pooled(connection: Connection) -> bool:
    """A pooler gives its clients PIDs of its own, for cancel requests."""
    number = _driver(connection).info.backend_pid
    return bool(connection.scalar(text("SELECT pg_backend_pid()")) != number)


def _is_notified(ours: Connection, engine: Engine) -> bool:
    channel = f"session_{uuid.uuid4().hex}"
    ours.exec_driver_sql(f"LISTEN {channel}")
    try:
        # From another session: one that notifies itself is notified before its statement ends.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            other.exec_driver_sql(f"NOTIFY {channel}")
        arrived = list(_driver(ours).notifies(timeout=PATIENCE_SECONDS, stop_after=1))
        return [notification.channel for notification in arrived] == [channel]
    finally:
        ours.exec_driver_sql(f"UNLISTEN {channel}")


def _driver(connection: Connection) -> "psycopg.Connection":
    return cast("psycopg.Connection", connection.connection.driver_connection)
