"""The folder that belongs to the demo: emptied at its start, claimed while it runs."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from orderctl.errors import CommandError

DEFAULT_FOLDER = Path(".demo")
#: Says that the demo made the folder and may empty it; locked for as long as a demo runs there.
MARKER = "made-by-orderctl-demo"
#: Where the running demo wrote down its addresses, a NAME=value a line.
ENVIRONMENT = "env"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the folder, emptied, for one demo. Raises CommandError when it is not the demo's."""
    _check_ours(folder)
    with _opened(folder) as marker:
        # The system releases this lock when the process ends, however it ends.
        if not _lock(marker.fileno()):
            raise CommandError(f"A demo is running in {folder}: end it, or take another --folder.")
        _empty(folder)
        try:
            yield
        finally:
            (folder / ENVIRONMENT).unlink(missing_ok=True)


def _opened(folder: Path) -> TextIO:
    """The folder's marker; both are made where they are missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / MARKER).open("a")
    except OSError as error:
        raise CommandError(
            f"{error.filename} cannot be written ({error.strerror}): "
            "make it writable for this user, or take another folder."
        ) from error


def demo_folder() -> Path:
    """The folder that DEMO_FOLDER names, with or without the line end of a file that it came from;
    set to nothing, it names none.
    """
    return Path(os.environ.get("DEMO_FOLDER", "").rstrip("\r\n") or DEFAULT_FOLDER)


def _check_ours(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise CommandError(f"{folder} is not a folder: take another --folder.")
    if folder.exists() and not (folder / MARKER).exists() and any(folder.iterdir()):
        raise CommandError(
            f"{folder} holds files that the demo did not make, and the demo empties its folder: "
            "take another --folder, or remove this one yourself."
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
    """Write down where everything is, for commands in another terminal."""
    lines = (f"{name}={value}\n" for name, value in values.items())
    file = folder / ENVIRONMENT
    # The broker's address may hold a password, and the operators' token is among them.
    file.touch(mode=0o600)
    file.write_text("".join(lines), encoding="utf-8")


def read_environment(file: Path) -> dict[str, str]:
    """What `write_environment` wrote, to the letter: a value may hold #, $, = and quotes."""
    lines = file.read_text(encoding="utf-8").split("\n")
    return {name: value for name, _, value in (line.partition("=") for line in lines) if name}


def running_demo(folder: Path) -> Path | None:
    """The file with the addresses of the demo that runs in this folder, if one does."""
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
