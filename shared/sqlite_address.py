"""Converts between a path and a SQLite address: `sqlite:///` and the percent-encoded path.

Databases and the embedded broker both use these functions, so that an address means the same
file to each of them, and a folder may have any name.
"""

import os
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from shared.errors import SettingsError

_SCHEME = "sqlite:///"
#: The longest path that SQLite opens: of its 512 bytes, it needs the rest for `-journal`.
MOST_BYTES = 504


def sqlite_url(path: Path) -> str:
    """The address of this file: ASCII without blanks, for any path.

    Raises SettingsError if the path is too long for SQLite.
    """
    return _SCHEME + quote(os.fsencode(_short_enough(path.absolute())))


def sqlite_path(url: str) -> Path:
    """The file behind `sqlite:///relative` or `sqlite:////absolute`. Raises SettingsError."""
    name = os.fsdecode(unquote_to_bytes(os.fsencode(url.removeprefix(_SCHEME))))
    if not url.startswith(_SCHEME) or name in ("", ":memory:") or "\0" in name:
        raise SettingsError("it names no file: use an address like sqlite:///path/to/a/file")
    if "?" in url:
        raise SettingsError("sqlite:/// takes no parameters; write a ? in a path as %3F")
    # Absolute now: a process may change its directory before it first connects.
    return _short_enough(Path(name).absolute())


def _short_enough(path: Path) -> Path:
    if (length := len(os.fsencode(path))) > MOST_BYTES:
        raise SettingsError(
            f"SQLite cannot open a file whose path is longer than {MOST_BYTES} bytes; this one "
            f"has {length}: use a folder with a shorter path"
        )
    return path
