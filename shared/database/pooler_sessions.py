"""Behind a connection pooler: are sessions ours, or lent for one transaction at a time?

Locks, timeouts and prepared statements belong to a session. PgBouncer's pool modes `transaction`
and `statement` run a client's next transaction on whichever session is free: a lock stays behind
with a stranger, and is free for everybody who is lent the same session.
"""

import uuid
from typing import cast

import psycopg
from sqlalchemy import Connection, Engine, text

from shared.errors import DatabaseUnavailable

#: A notification takes a millisecond.
PATIENCE_SECONDS = 2.0

SHARED = (
    "a connection pooler lends its sessions for one transaction at a time, and locks and timeouts "
    "need one for longer: connect directly, or give this user the pool mode `session`"
)


def check_sessions(engine: Engine) -> None:
    """Raise DatabaseUnavailable behind a pooler whose sessions are shared.

    Between its transactions, a client of such a pooler has no session, and so no notification
    can reach it. Asking twice for the session's number proves nothing: without other clients it
    is the same.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as ours:
        if _is_pooled(ours) and not _is_notified(ours, engine):
            raise DatabaseUnavailable(SHARED)


def _is_pooled(connection: Connection) -> bool:
    """A pooler gives its clients numbers of its own, with which they cancel what they asked."""
    number = _driver(connection).info.backend_pid
    return bool(connection.scalar(text("SELECT pg_backend_pid()")) != number)


def _is_notified(ours: Connection, engine: Engine) -> bool:
    channel = f"session_{uuid.uuid4().hex}"
    ours.exec_driver_sql(f"LISTEN {channel}")
    try:
        # By another one, since a session that notifies itself is told before its statement ends.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            other.exec_driver_sql(f"NOTIFY {channel}")
        arrived = list(_driver(ours).notifies(timeout=PATIENCE_SECONDS, stop_after=1))
        return [notification.channel for notification in arrived] == [channel]
    finally:
        ours.exec_driver_sql(f"UNLISTEN {channel}")


def _driver(connection: Connection) -> psycopg.Connection:
    return cast(psycopg.Connection, connection.connection.driver_connection)
