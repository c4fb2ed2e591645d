"""The address of a SQLite file: `sqlite:///` and a path, in which %3F is a question mark.

Databases and the embedded broker both use these functions, so that an address means the same
file to each of them, and a folder may have any name.
"""

import os
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from shared.errors import SettingsError

_SCHEME = "sqlite:///"
#: SQLite opens no file with a longer path: it needs the rest of its 512 bytes for `-journal`.
MOST_BYTES = 504


def sqlite_url(path: Path) -> str:
    """The address of this file. Plain ASCII without blanks, whatever the path consists of.

    Raises SettingsError when SQLite cannot open it.
    """
    return _SCHEME + quote(os.fsencode(_short_enough(path.absolute())))


def sqlite_path(url: str) -> Path:
    """The file behind `sqlite:///relative` or `sqlite:////absolute`. Raises SettingsError."""
    name = os.fsdecode(unquote_to_bytes(os.fsencode(url.removeprefix(_SCHEME))))
    if not url.startswith(_SCHEME) or name in ("", ":memory:") or "\0" in name:
        raise SettingsError("an address like sqlite:///path/to/a/file names a file")
    if "?" in url:
        raise SettingsError("sqlite:/// takes no parameters, and a ? in a path is written %3F")
    # Absolute now: a process may change its directory before it first connects.
    return _short_enough(Path(name).absolute())


def _short_enough(path: Path) -> Path:
    if (length := len(os.fsencode(path))) > MOST_BYTES:
        raise SettingsError(
            f"SQLite opens no file whose path is longer than {MOST_BYTES} bytes, and this one has "
            f"{length}: take a folder with a shorter path"
        )
    return path
