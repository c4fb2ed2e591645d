"""What every connection to PostgreSQL is given, unless DATABASE_URL says otherwise.

When packets vanish, a connection ends after some ten seconds, whichever side waits: here with an
error, in PostgreSQL with the locks that it held. Source: libpq's connection parameters.
"""

from collections.abc import Mapping
from typing import Any

#: Parameters of libpq, in seconds and, for `tcp_user_timeout`, milliseconds.
_OUR_END: Mapping[str, int] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
#: Settings of the session. One that is in `options` of the address stays as it is there.
_LIMITS: Mapping[str, str] = {
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    #: A process that is frozen in a transaction holds up the others no longer than this.
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
#: How times travel, whatever the role, the database or the server has set. In another time zone
#: the first and the last hours that we know would lie in a year that Python has not, and psycopg
#: reads one DateStyle only.
_TIMES: Mapping[str, str] = {"TimeZone": "UTC", "DateStyle": "ISO"}

_SET_TIMES = "SELECT " + ", ".join(f"set_config('{name}', %s, false)" for name in _TIMES)
_SET_LIMITS = (
    "SELECT set_config(name, ours, false) FROM pg_settings JOIN (VALUES "  # noqa: S608 - only %s
    + ", ".join("(%s, %s)" for _ in _LIMITS)
    + ") AS limits (name, ours) USING (name) WHERE source <> 'client'"
)


def connect_arguments(in_the_address: Mapping[str, Any]) -> dict[str, int]:
    """Parameters for libpq, without those that the address has: they would win over it."""
    return {name: value for name, value in _OUR_END.items() if name not in in_the_address}


def prepare_session(connection: Any, _record: Any) -> None:
    """For SQLAlchemy's event `connect`."""
    # Not among the parameters of the connection, of which PgBouncer takes none that it does not
    # know.
    connection.execute(_SET_TIMES, list(_TIMES.values()))
    connection.execute(_SET_LIMITS, [text for limit in _LIMITS.items() for text in limit])
    if not connection.autocommit:
        connection.commit()
