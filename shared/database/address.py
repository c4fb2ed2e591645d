"""Converts DATABASE_URL into SQLAlchemy's URL, and rejects unknown parameters."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from shared.errors import SettingsError
from shared.sqlite_address import sqlite_path

#: Parameters of trust and identity, which only make sense for TLS.
_TLS = frozenset({"sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir"})
#: Modes in which libpq silently falls back to plain text.
_MAYBE = frozenset({"allow", "prefer"})


def engine_url(url: str) -> URL:
    """For `sqlite:///…` or `postgresql://…`. Raises SettingsError, without repeating secrets."""
    if url.startswith("sqlite:"):
        # SQLAlchemy would treat everything after a ? as parameters and open another file.
        return URL.create("sqlite", database=str(sqlite_path(url)))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Not the library's message, which repeats the address and with it the password.
        raise SettingsError("in a password, write : / ? @ and % as %3A, %2F …") from None
    if unknown := sorted(set(parsed.query) - _known()):
        raise SettingsError(f"PostgreSQL has no parameter {', '.join(unknown)}")
    return _checked(parsed).set(drivername="postgresql+psycopg")


def _checked(url: URL) -> URL:
    """With `sslmode=verify-full` if there is a CA file: libpq's default falls back to plain text.

    Raises SettingsError for a mode that may end in plain text.
    """
    mode = url.query.get("sslmode")
    if mode in _MAYBE:
        raise SettingsError(f"sslmode={mode} may end in plain text: use verify-full or disable")
    if mode is None and _TLS & url.query.keys():
        return url.update_query_dict({"sslmode": "verify-full"})
    return url


def _known() -> set[str]:
    # Imported here: with SQLite it is not needed, and takes a tenth of a start.
    import psycopg

    return {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
