"""Decides whether a database error is the fault of the statement or an outage.

An error counts against an event only if the values of the statement caused it. All other errors
(a database that is read-only, full or in recovery; a missing permission or column) are outages:
the event waits until an operator ends the outage.
"""

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)

#: Classes of SQLSTATE: cardinality, data, integrity, WITH CHECK OPTION, program limits (a value
#: that is too large for an index). Source: PostgreSQL's appendix A.
_STATEMENT = frozenset({"21", "22", "23", "44", "54"})
#: Raised by a driver for values that it cannot send, and by SQLite's for values that do not fit.
#: All other errors have other classes.
_BY_THE_DRIVER = (DataError, IntegrityError, NotSupportedError, ProgrammingError)

#: A full or broken disk fails only those writes that need room. Source: sqlite.org/rescode.html.
_DISK = frozenset({"53100", "58030"})
_DISK_SQLITE = frozenset({10, 13})

READ_ONLY = "25006"


def blames_statement(error: DBAPIError) -> bool:
    """Whether the same statement with other values would have succeeded."""
    if state := sqlstate(error):
        return state[:2] in _STATEMENT
    # An error without a statement is a failed connection.
    return error.statement is not None and isinstance(error, _BY_THE_DRIVER)


def is_about_disk(error: DBAPIError) -> bool:
    return sqlstate(error) in _DISK or _sqlite_code(error) in _DISK_SQLITE


def sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _sqlite_code(error: DBAPIError) -> int | None:
    """The primary result code, which is the low byte of the extended one."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
