"""Is a database error the fault of the statement, or would any other statement fail as well?

Only what the values of a statement are to blame for counts against the event that brought them.
Everything else (a database that is read-only, full or in recovery, a permission or a column that
is missing) is an outage: the event waits, and an operator can end it.
"""

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)

#: Classes of SQLSTATE: cardinality, data, integrity, WITH CHECK OPTION, a limit of the program
#: (a value that is too large for an index). Source: PostgreSQL's appendix A.
_STATEMENT = frozenset({"21", "22", "23", "44", "54"})
#: What a driver raises by itself for values that it cannot send, and SQLite's for values that do
#: not fit; it has other classes for everything else.
_BY_THE_DRIVER = (DataError, IntegrityError, NotSupportedError, ProgrammingError)

#: A full or broken disk fails only those writes that need room. Source: sqlite.org/rescode.html.
_DISK = frozenset({"53100", "58030"})
_DISK_SQLITE = frozenset({10, 13})

READ_ONLY = "25006"


def blames_statement(error: DBAPIError) -> bool:
    """Whether the same statement with other values would have gone through."""
    if state := sqlstate(error):
        return state[:2] in _STATEMENT
    # Without a statement, it failed to connect.
    return error.statement is not None and isinstance(error, _BY_THE_DRIVER)


def is_about_disk(error: DBAPIError) -> bool:
    return sqlstate(error) in _DISK or _sqlite_code(error) in _DISK_SQLITE


def sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _sqlite_code(error: DBAPIError) -> int | None:
    """The primary result code: the low byte; above it stand details."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
