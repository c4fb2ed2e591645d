"""Timeouts and settings of every PostgreSQL connection, unless DATABASE_URL overrides them.

If packets are lost, both sides end the connection after about ten seconds: the client with an
error, PostgreSQL by releasing its locks. Source: libpq's connection parameters.
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
#: Settings of the session. `options` in the address takes precedence.
_LIMITS: Mapping[str, str] = {
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    #: A process that is frozen in a transaction blocks the others no longer than this.
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
#: The format of times, overriding the defaults of the role, the database and the server. In
#: another time zone, datetime.min or datetime.max would fall outside of Python's range, and
#: psycopg reads only this DateStyle.
_TIMES: Mapping[str, str] = {"TimeZone": "UTC", "DateStyle": "ISO"}

_SET_TIMES = "SELECT " + ", ".join(f"set_config('{name}', %s, false)" for name in _TIMES)
_SET_LIMITS = (
    "SELECT set_config(name, ours, false) FROM pg_settings JOIN (VALUES "  # noqa: S608 - only %s
    + ", ".join("(%s, %s)" for _ in _LIMITS)
    + ") AS limits (name, ours) USING (name) WHERE source <> 'client'"
)


def connect_arguments(in_the_address: Mapping[str, Any]) -> dict[str, int]:
    """Parameters for libpq, without those in the address, which they would override."""
    return {name: value for name, value in _OUR_END.items() if name not in in_the_address}


def prepare_session(connection: Any, _record: Any) -> None:
    """For SQLAlchemy's event `connect`."""
    # Not as connection parameters: PgBouncer rejects any that it does not know.
    connection.execute(_SET_TIMES, list(_TIMES.values()))
    connection.execute(_SET_LIMITS, [text for limit in _LIMITS.items() for text in limit])
    if not connection.autocommit:
        connection.commit()
