"""Reads and writes the files of a comparison: the data, the pictures and the report."""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from orderctl.compare.results import Comparison
from orderctl.errors import CommandError

DATA = "comparison.json"
REPORT = "report.html"


def write_report(comparison: Comparison, folder: Path) -> list[Path]:
    """Write report.html, comparison.json and a PNG per picture; return their paths.

    Pictures of an earlier comparison that this one lacks are deleted, so that all files in the
    folder belong together. Raises CommandError if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_written(folder / name, content) for name, content in _files(comparison, folder)]
    except OSError as error:
        raise CommandError(
            f"{folder} cannot be written: {error.strerror}. Use another folder with --report."
        ) from error


def read_comparison(path: Path) -> Comparison:
    """Read a comparison.json. Raises CommandError if it cannot be read or decoded."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Comparison)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read: {error.strerror}. Name the {DATA} of a report."
        ) from error
    except msgspec.DecodeError as error:
        raise CommandError(
            f"{path} is not the {DATA} of this version: {error}. Measure again."
        ) from error


def _files(comparison: Comparison, folder: Path) -> Iterator[tuple[str, bytes]]:
    # The data comes first: it took minutes to measure, and the rest can be redrawn from it.
    yield DATA, msgspec.json.format(msgspec.json.encode(comparison)) + b"\n"
    _quiet_matplotlib()
    # Imported here because it takes a second, which other commands should not spend.
    from orderctl.compare.charts.charts import NAMES, draw
    from orderctl.compare.report import html

    pictures = draw(comparison)
    for name in set(NAMES) - {picture.name for picture in pictures}:
        (folder / f"{name}.png").unlink(missing_ok=True)
    for picture in pictures:
        yield f"{picture.name}.png", picture.png()
    yield REPORT, html(comparison, pictures).encode()


def _quiet_matplotlib() -> None:
    """Silence its warning that it keeps its cache in /tmp, the only writable folder in Compose."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
