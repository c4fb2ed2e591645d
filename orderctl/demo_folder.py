"""The demo's folder: emptied when the demo starts and locked while it runs."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from orderctl.errors import CommandError

DEFAULT_FOLDER = Path(".demo")
#: Marks a folder that the demo created and may empty; locked while a demo is running there.
MARKER = "made-by-orderctl-demo"
#: The running demo stores its addresses here, one NAME=value per line.
ENVIRONMENT = "env"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Lock and empty the folder for one demo. Raises CommandError if it is not a demo folder."""
    _check_ours(folder)
    with _opened(folder) as marker:
        # The system releases this lock when the process ends, however it ends.
        if not _lock(marker.fileno()):
            raise CommandError(f"A demo is running in {folder}: stop it, or use another --folder.")
        _empty(folder)
        try:
            yield
        finally:
            (folder / ENVIRONMENT).unlink(missing_ok=True)


def _opened(folder: Path) -> TextIO:
    """The folder's marker file; creates both if they are missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / MARKER).open("a")
    except OSError as error:
        raise CommandError(
            f"{error.filename} cannot be written ({error.strerror}): "
            "make it writable for this user, or use another folder."
        ) from error


def demo_folder() -> Path:
    """The folder that DEMO_FOLDER names, or the default if it is unset or empty.

    A trailing line break, as in a value read from a file, is ignored.
    """
    return Path(os.environ.get("DEMO_FOLDER", "").rstrip("\r\n") or DEFAULT_FOLDER)


def _check_ours(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise CommandError(f"{folder} is not a folder: use another --folder.")
    if folder.exists() and not (folder / MARKER).exists() and any(folder.iterdir()):
        raise CommandError(
            f"{folder} contains files that the demo did not create, and the demo empties its "
            "folder: use another --folder, or remove this one yourself."
        )


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name == MARKER:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def write_environment(folder: Path, values: Mapping[str, str]) -> None:
    """Store all addresses for commands in another terminal."""
    lines = (f"{name}={value}\n" for name, value in values.items())
    file = folder / ENVIRONMENT
    # The values include the operator token and perhaps a broker password.
    file.touch(mode=0o600)
    file.write_text("".join(lines), encoding="utf-8")


def read_environment(file: Path) -> dict[str, str]:
    """The values that `write_environment` stored. A value may contain #, $, = and quotes."""
    lines = file.read_text(encoding="utf-8").split("\n")
    return {name: value for name, _, value in (line.partition("=") for line in lines) if name}


def running_demo(folder: Path) -> Path | None:
    """The address file of the demo running in this folder, if there is one."""
    file = folder / ENVIRONMENT
    return file if file.exists() and _is_locked(folder / MARKER) else None


def _is_locked(marker: Path) -> bool:
    try:
        with marker.open() as file:
            return not _lock(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def _lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
