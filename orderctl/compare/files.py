"""A comparison as files: what was measured, the pictures of it, and the report."""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from orderctl.compare.results import Comparison
from orderctl.errors import CommandError

DATA = "comparison.json"
REPORT = "report.html"


def write_report(comparison: Comparison, folder: Path) -> list[Path]:
    """Write report.html, comparison.json and a PNG for each picture; returns their paths.

    A picture of an earlier comparison for which this one has no figures is deleted, so that what
    lies in the folder belongs together. Raises CommandError when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_written(folder / name, content) for name, content in _files(comparison, folder)]
    except OSError as error:
        raise CommandError(
            f"{folder} cannot be written: {error.strerror}. Take another folder with --report."
        ) from error


def read_comparison(path: Path) -> Comparison:
    """What `write_report` has written. Raises CommandError when this is not such a file."""
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
    # The data first: it took minutes to measure, and anything can be drawn from it again.
    yield DATA, msgspec.json.format(msgspec.json.encode(comparison)) + b"\n"
    _quiet_matplotlib()
    # Imported here because it takes a second, which no other command has to spend.
    from orderctl.compare.charts.charts import NAMES, draw
    from orderctl.compare.report import html

    pictures = draw(comparison)
    for name in set(NAMES) - {picture.name for picture in pictures}:
        (folder / f"{name}.png").unlink(missing_ok=True)
    for picture in pictures:
        yield f"{picture.name}.png", picture.png()
    yield REPORT, html(comparison, pictures).encode()


def _quiet_matplotlib() -> None:
    """In a container, only /tmp can be written; it keeps its cache there, and says so at length."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
